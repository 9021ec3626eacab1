"""The vision transformer that every spec is assembled into."""

from collections.abc import Sequence

import torch
from timm.layers import trunc_normal_
from torch import nn

from blocks.positions import resize_positions, sinusoid

POSITIONS = ("sinusoid", "learned", "none")


class VisionTransformer(nn.Module):
    """Tokenizer, class token, positions, layers, layer norm, linear head on the class token.

    Shapes: (B, in_chans, H, W) to (B, num_classes). A picture of another size than `img_size` is taken too:
    the position table is resized bicubically to its grid.

    Source: Dosovitskiy et al., arXiv 2010.11929, section 3.1; arXiv 2101.11986, eq. 5. The sinusoid is a
    parameter without gradient, as in the public code, so that parameter counts agree; a learned table starts
    normal with standard deviation `position_std`.

    Raises:
        ValueError: if `position` is unknown.
    """

    def __init__(
        self,
        tokenizer: nn.Module,
        layers: Sequence[nn.Module],
        embed_dim: int,
        num_features: int,
        img_size: tuple[int, int],
        num_classes: int = 1000,
        position: str = "sinusoid",
        position_std: float = 0.02,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_features = self.head_hidden_size = num_features
        self.tokenizer = tokenizer
        self.grid: tuple[int, int] = tokenizer.grid_size(*img_size)  # type: ignore[operator]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = _positions(position, position_std, 1 + self.grid[0] * self.grid[1], embed_dim)
        self.blocks = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(num_features, eps=norm_eps)
        self.head = nn.Linear(num_features, num_classes) if num_classes else nn.Identity()
        trunc_normal_(self.cls_token, std=0.02)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (B, in_chans, H, W) to positioned tokens (B, 1 + N, embed_dim), the class token first."""
        grid = self.tokenizer.grid_size(x.shape[2], x.shape[3])  # type: ignore[operator]
        tokens = self.tokenizer(x)
        tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
        if self.pos_embed is None:
            return tokens
        return tokens + resize_positions(self.pos_embed, self.grid, grid)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (B, in_chans, H, W) to normalised tokens (B, 1 + N, num_features)."""
        return self.norm(self.blocks(self.embed(x)))

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Tokens (B, 1 + N, num_features) to logits, or to the class token's features."""
        return x[:, 0] if pre_logits else self.head(x[:, 0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures to logits."""
        return self.forward_head(self.forward_features(x))


def _positions(kind: str, std: float, num_positions: int, dim: int) -> nn.Parameter | None:
    if kind == "sinusoid":
        return nn.Parameter(sinusoid(num_positions, dim).to(torch.empty(0).device), requires_grad=False)
    if kind == "learned":
        return nn.Parameter(torch.randn(1, num_positions, dim) * std)
    if kind == "none":
        return None
    raise ValueError(f"position must be one of {POSITIONS}, got {kind!r}")
