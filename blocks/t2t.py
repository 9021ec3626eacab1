"""The Tokens-to-Token module, and its convolutional counterpart."""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import nn

from blocks.linear import Linear
from blocks.recorded import is_recorded
from blocks.soft_split import SoftSplit, Split

LARGE = 100_000  # values of a picture's first tokens; 460,992 at 224 x 224


class T2TTokenizer(nn.Module):
    """Soft split, mix, reshape to a map; repeated; the last split is mapped linearly to the width.

    Shapes: (B, in_chans, H, W) to (B, N, embed_dim). `mixer(in_dim, token_dim)` makes the module that mixes
    between two splits.

    Source: arXiv 2101.11986, section 3.1, figure 3.
    """

    def __init__(
        self,
        splits: Sequence[Split],
        mixer: Callable[[int, int], nn.Module],
        token_dim: int,
        embed_dim: int,
        in_chans: int = 3,
    ) -> None:
        super().__init__()
        self.splits = tuple(splits)
        self.reduction = prod(split.stride for split in splits)  # pixels from one token to the next
        self.soft_splits = nn.ModuleList(SoftSplit(split) for split in splits)
        widths = [chans * split.kernel**2 for chans, split in zip(_inputs(in_chans, token_dim), splits, strict=False)]
        self.mixers = nn.ModuleList(mixer(width, token_dim) for width in widths[:-1])
        self.proj = Linear(widths[-1], embed_dim)

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens for a picture of this size."""
        return _grid_size(self.splits, height, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures to tokens."""
        if self._one_by_one(x) and len(x) > 1:
            return torch.cat([self._tokens(picture) for picture in x.split(1)])
        return self._tokens(x)

    def _tokens(self, x: torch.Tensor) -> torch.Tensor:
        for split, soft_split, mix in zip(self.splits, self.soft_splits, self.mixers, strict=False):
            grid = split.grid_size(x.shape[2], x.shape[3])
            x = mix(soft_split(x)).transpose(1, 2).unflatten(2, grid)
        return self.proj(self.soft_splits[-1](x))

    def _one_by_one(self, x: torch.Tensor) -> bool:
        """Whether pictures are so large that one keeps a CPU busy: one after another, a batch needs no more memory.

        Not where gradients are wanted, which need it all anyway, nor where somebody watches the modules inside.
        """
        if torch.is_grad_enabled() or x.device.type != "cpu" or is_recorded(x):
            return False
        rows, columns = self.splits[0].grid_size(x.shape[2], x.shape[3])
        if rows * columns * x.shape[1] * self.splits[0].kernel ** 2 < LARGE:
            return False
        inside = (module for module in self.modules() if module is not self)
        return not any(module._forward_hooks or module._forward_pre_hooks for module in inside)


class ConvTokenizer(nn.Module):
    """Convolutions with the kernels, strides and paddings of the soft splits (T2T-ViT_c of table 7).

    Shapes: (B, in_chans, H, W) to (B, N, embed_dim). All widths but the last are `token_dim`.
    """

    def __init__(self, splits: Sequence[Split], token_dim: int, embed_dim: int, in_chans: int = 3) -> None:
        super().__init__()
        self.splits = tuple(splits)
        self.reduction = prod(split.stride for split in splits)  # pixels from one token to the next
        outputs = [token_dim] * (len(splits) - 1) + [embed_dim]
        self.convs = nn.Sequential(
            *(
                nn.Conv2d(chans, width, split.kernel, split.stride, split.padding)
                for chans, width, split in zip(_inputs(in_chans, token_dim), outputs, splits, strict=False)
            )
        )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens for a picture of this size."""
        return _grid_size(self.splits, height, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures to tokens."""
        return self.convs(x).flatten(2).transpose(1, 2)


def _inputs(in_chans: int, token_dim: int):
    yield in_chans
    while True:
        yield token_dim


def _grid_size(splits: Sequence[Split], height: int, width: int) -> tuple[int, int]:
    for split in splits:
        height, width = split.grid_size(height, width)
    return height, width
