"""Dropout and stochastic depth that are the same however a batch is cut.

What a layer draws at random, it draws for the whole batch, in the order in which it would for the whole; of that it
takes the rows of its part. So a device, or a micro-batch, draws what it would have drawn in the batch of a single one.
It costs the time and, for a moment, the memory of one draw for the whole batch.

Of the layers that are modules of torch or timm: `nn.Dropout` and `DropPath`. What else a network of a library draws (by
functions, as some of timm's CNNs drop before their head) differs from part to part.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from timm.layers import DropPath
from timm.layers.drop import drop_path
from torch import nn
from torch.nn import functional


class Draws:
    """What the layers of a model draw over: the rows of a part of a batch, or as they are."""

    def __init__(self) -> None:
        self.size = 0
        self.rows: torch.Tensor | None = None

    @contextmanager
    def of(self, rows: torch.Tensor, size: int) -> Iterator[None]:
        """Draw for a batch of `size`, and take these rows, within."""
        self.rows, self.size = rows, size
        try:
            yield
        finally:
            self.rows = None

    def apply(self, model: nn.Module) -> None:
        """Let a model's layers draw so; names and parameters stay."""
        for parent in list(model.modules()):
            for name, layer in parent.named_children():
                made: nn.Module | None = None
                if type(layer) is nn.Dropout:
                    made = _Dropout(layer.p, self)
                elif type(layer) is DropPath:
                    made = _DropPath(float(layer.drop_prob), bool(layer.scale_by_keep), self)  # type: ignore[arg-type]
                if made is not None:
                    setattr(parent, name, made.train(layer.training))

    def whole(self, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor | None:
        """Ones for a draw over the whole batch, `shape` for a picture, laid out as x is; None if x is no part."""
        if self.rows is None or len(x) != len(self.rows):
            return None
        order = sorted(range(x.ndim), key=x.stride, reverse=True)  # draws fill memory in its order
        sizes = (self.size, *shape)
        ones = x.new_ones([sizes[i] for i in order])
        return ones.permute([order.index(i) for i in range(x.ndim)])

    def taken(self, drawn: torch.Tensor) -> torch.Tensor:
        """The rows of the part, of what was drawn for the whole batch."""
        assert self.rows is not None
        return drawn[self.rows.to(drawn.device)]


class _Dropout(nn.Dropout):
    """Dropout of a part of a batch."""

    def __init__(self, p: float, draws: Draws) -> None:
        super().__init__(p)
        self.draws = draws

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As of the rows of a whole batch (B, ...)."""
        ones = self.draws.whole(x, x.shape[1:]) if self.training and self.p else None
        if ones is None:
            return super().forward(x)
        return x * self.draws.taken(functional.dropout(ones, self.p, True))


class _DropPath(DropPath):
    """Stochastic depth of a part of a batch."""

    def __init__(self, drop_prob: float, scale_by_keep: bool, draws: Draws) -> None:
        super().__init__(drop_prob, scale_by_keep)
        self.draws = draws

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As of the rows of a whole batch (B, ...)."""
        ones = self.draws.whole(x, (1,) * (x.ndim - 1)) if self.training and self.drop_prob else None
        if ones is None:
            return super().forward(x)
        return x * self.draws.taken(drop_path(ones, self.drop_prob, True, self.scale_by_keep))
