"""The vision transformer that every spec is assembled into."""

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import trunc_normal_
from timm.models._features import feature_take_indices
from torch import nn
from torch.utils.checkpoint import checkpoint

from blocks.positions import resize_positions, sinusoid

POSITIONS = ("sinusoid", "learned", "none")
Features = list[torch.Tensor] | tuple[torch.Tensor, list[torch.Tensor]]


class VisionTransformer(nn.Module):
    """Tokenizer, class token, positions, layers, layer norm, linear head on the class token.

    Shapes: (B, in_chans, H, W) to (B, num_classes). A picture of another size than `img_size` is taken too: the
    position table is resized bicubically to its grid. With `distilled`, a second token has a head of its own, and
    the logits are the mean of both (DeiT, arXiv 2012.12877), or both as a pair in distilled training.

    Methods and attributes are those of timm's own models. `torch.compile`, `torch.export` and `torch.jit.trace` work at
    a fixed picture size; `torch.jit.script` does not, since the position table and the soft splits follow the size of
    the picture in plain Python. ONNX export takes the program of `torch.export`; it is not tested here, for want of
    onnxscript among the project's packages.

    Source: Dosovitskiy et al., arXiv 2010.11929, section 3.1; arXiv 2101.11986, eq. 5. The sinusoid is a parameter
    without gradient, as in the public code, so that parameter counts agree; a learned table starts normal with
    standard deviation `position_std`.

    Args:
        tokenizer: pictures (B, in_chans, H, W) to tokens (B, N, embed_dim); its `grid_size(H, W)` gives their rows and
            columns, its `reduction` the pixels from one to the next.
        widths: channels after each layer.

    Raises:
        ValueError: if `position` is unknown, and in a forward pass if a picture is too small.
    """

    def __init__(
        self,
        tokenizer: nn.Module,
        layers: Sequence[nn.Module],
        embed_dim: int,
        widths: Sequence[int],
        img_size: tuple[int, int],
        num_classes: int = 1000,
        position: str = "sinusoid",
        position_std: float = 0.02,
        norm_eps: float = 1e-5,
        drop_rate: float = 0.0,
        distilled: bool = False,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_features = self.head_hidden_size = widths[-1]
        self.num_prefix_tokens = 2 if distilled else 1
        self.grad_checkpointing = False
        self.distilled_training = False
        self.head_tokens_only = False
        self.tokenizer = tokenizer
        self.grid: tuple[int, int] = tokenizer.grid_size(*img_size)  # type: ignore[operator]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, embed_dim)) if distilled else None
        num_positions = self.num_prefix_tokens + self.grid[0] * self.grid[1]
        self.pos_embed = _positions(position, position_std, num_positions, embed_dim)
        self.blocks = nn.Sequential(*layers)
        self.feature_info = [
            {"module": f"blocks.{i}", "num_chs": width, "reduction": tokenizer.reduction}
            for i, width in enumerate(widths)
        ]
        self.norm = nn.LayerNorm(widths[-1], eps=norm_eps)
        self.head_drop = nn.Dropout(drop_rate)
        self.head = self._new_head(num_classes)
        self.head_dist = self._new_head(num_classes) if distilled else None
        for token in (self.cls_token, self.dist_token):
            if token is not None:
                trunc_normal_(token, std=0.02)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (B, in_chans, H, W) to positioned tokens (B, prefix + N, embed_dim), the class token first."""
        grid = self.tokenizer.grid_size(x.shape[2], x.shape[3])  # type: ignore[operator]
        if min(grid) < 1:
            raise ValueError(f"a picture of {x.shape[2]} x {x.shape[3]} is smaller than the reach of the tokenizer")
        tokens = self.tokenizer(x)
        prefix = [token for token in (self.cls_token, self.dist_token) if token is not None]
        tokens = torch.cat([*(token.expand(tokens.shape[0], -1, -1) for token in prefix), tokens], dim=1)
        if self.pos_embed is None:
            return tokens
        return tokens + resize_positions(self.pos_embed, self.grid, grid, self.num_prefix_tokens)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (B, in_chans, H, W) to normalised tokens (B, prefix + N, num_features)."""
        x = self.embed(x)
        for block in self.blocks:
            x = self._run(block, x)
        return self.norm(x)

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Tokens (B, prefix + N, num_features) to logits, or to the features before the head."""
        if self.head_dist is None:
            features = self.head_drop(x[:, 0])
            return features if pre_logits else self.head(features)
        if pre_logits:
            return (x[:, 0] + x[:, 1]) / 2
        first, second = self.head(self.head_drop(x[:, 0])), self.head_dist(self.head_drop(x[:, 1]))
        if self.distilled_training and self.training:
            return first, second  # type: ignore[return-value]  # as timm's distilled models do
        return (first + second) / 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures to logits."""
        if not self.head_tokens_only or not len(self.blocks):
            return self.forward_head(self.forward_features(x))
        x = self.embed(x)
        for block in self.blocks[:-1]:
            x = self._run(block, x)
        return self.forward_head(self.norm(self._run(self.blocks[-1], x, self.num_prefix_tokens)))

    def forward_intermediates(
        self,
        x: torch.Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
        *,
        return_prefix_tokens: bool = False,
    ) -> Features:
        """Maps after the chosen layers, (B, C, H, W) or tokens (B, N, C) without prefix; and the final tokens.

        Args:
            indices: the last n layers, the layers of a list, or all.
            norm: apply the final layer norm to the last layer's.
            stop_early: do not run the layers after the last chosen one.
            output_fmt: `NCHW` or `NLC`.
            intermediates_only: give the list of maps alone.
            return_prefix_tokens: give each map with its class and distillation token, a pair.

        Raises:
            ValueError: for an unknown format, or `norm` where layers differ in width.
        """
        if output_fmt not in ("NCHW", "NLC"):
            raise ValueError(f"output_fmt must be NCHW or NLC, got {output_fmt!r}")
        taken, last = feature_take_indices(len(self.blocks), indices)
        if norm and any(self.feature_info[i]["num_chs"] != self.num_features for i in taken):
            raise ValueError("norm needs layers as wide as the last one: choose others, or norm=False")
        rows, columns = self.tokenizer.grid_size(x.shape[2], x.shape[3])  # type: ignore[operator]
        x = self.embed(x)
        maps: list[Any] = []
        for i, block in enumerate(self.blocks[: last + 1] if stop_early else self.blocks):
            x = self._run(block, x)
            if i in taken:
                prefix, tokens = (self.norm(x) if norm else x).tensor_split([self.num_prefix_tokens], dim=1)
                taken_map = tokens.transpose(1, 2).unflatten(2, (rows, columns)) if output_fmt == "NCHW" else tokens
                maps.append((taken_map, prefix) if return_prefix_tokens else taken_map)
        return maps if intermediates_only else (self.norm(x), maps)

    def prune_intermediate_layers(
        self, indices: int | list[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Drop what comes after the chosen layers; which these are is returned.

        Raises:
            ValueError: if norm or head would stay where the last layer that is left is narrower than they are.
        """
        taken, last = feature_take_indices(len(self.blocks), indices)
        width = self.feature_info[last]["num_chs"]
        if width != self.num_features and not (prune_norm and prune_head):
            raise ValueError(
                f"layer {last} puts out {width} channels, norm and head take {self.num_features}: prune both of them"
            )
        self.blocks = self.blocks[: last + 1]
        self.num_features = self.head_hidden_size = width
        if prune_norm:
            self.norm = nn.Identity()  # type: ignore[assignment]
        if prune_head:
            self.reset_classifier(0)
        return taken

    def get_classifier(self) -> nn.Module | tuple[nn.Module, nn.Module]:
        """The head, or both heads of a distilled model."""
        return self.head if self.head_dist is None else (self.head, self.head_dist)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A new head for another number of classes; 0 for none.

        Raises:
            ValueError: for a pooling other than that of the class token.
        """
        check_pooling("token" if global_pool is None else global_pool)
        self.num_classes = num_classes
        self.head = self._new_head(num_classes).to(self.cls_token.device, self.cls_token.dtype)
        if self.head_dist is not None:
            self.head_dist = self._new_head(num_classes).to(self.cls_token.device, self.cls_token.dtype)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute each layer in the backward pass instead of keeping what it put out."""
        self.grad_checkpointing = enable

    def set_head_tokens_only(self, enable: bool = True) -> None:
        """Let `forward` compute of the last layer only what the head reads, the prefix tokens: equal to rounding.

        A paper's models are counted with all tokens of all layers, so this is for those who ask.
        """
        self.head_tokens_only = enable

    def set_distilled_training(self, enable: bool = True) -> None:
        """Give both heads' logits in training, for a distillation loss.

        Raises:
            ValueError: if the model is not distilled.
        """
        if self.head_dist is None:
            raise ValueError("the model has no distillation token")
        self.distilled_training = enable

    def no_weight_decay(self) -> set[str]:
        """Parameters that weight decay leaves alone."""
        return {"pos_embed", "cls_token", "dist_token"}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns that group parameters by depth, for layer-wise learning rates."""
        stem = r"^cls_token|dist_token|pos_embed|tokenizer"
        return {"stem": stem, "blocks": [(r"^blocks\.(\d+)", None), (r"^norm", (99999,))]}

    def _new_head(self, num_classes: int) -> nn.Module:
        return nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def _run(self, block: nn.Module, *args: Any) -> torch.Tensor:
        if self.grad_checkpointing and self.training:
            return checkpoint(block, *args, use_reentrant=False)
        return block(*args)


def check_pooling(global_pool: str) -> None:
    """Refuse another pooling than that of the class token.

    Raises:
        ValueError: if it is another.
    """
    if global_pool != "token":
        raise ValueError(f"the head is on the class token: global_pool must be 'token', got {global_pool!r}")


def _positions(kind: str, std: float, num_positions: int, dim: int) -> nn.Parameter | None:
    if kind == "sinusoid":
        return nn.Parameter(sinusoid(num_positions, dim).to(torch.empty(0).device), requires_grad=False)
    if kind == "learned":
        return nn.Parameter(torch.randn(1, num_positions, dim) * std)
    if kind == "none":
        return None
    raise ValueError(f"position must be one of {POSITIONS}, got {kind!r}")
