"""A pre-norm transformer layer."""

import torch
from timm.layers import DropPath
from torch import nn

from blocks.linear import after


class TransformerLayer(nn.Module):
    """x + attn(LN(x)), then x + mlp(LN(x)), each branch under stochastic depth. (B, N, C) to (B, N, C).

    Source: Dosovitskiy et al., arXiv 2010.11929, eqs. 2 and 3.
    """

    def __init__(
        self, dim: int, attn: nn.Module, mlp: nn.Module, drop_path: float = 0.0, norm_eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=norm_eps)
        self.attn = attn
        self.norm2 = nn.LayerNorm(dim, eps=norm_eps)
        self.mlp = mlp
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: torch.Tensor, kept: int | None = None) -> torch.Tensor:
        """Attention, then MLP, both residual; of the first `kept` tokens alone, if given: (B, kept, C)."""
        if kept is None:
            x = x + self.drop_path(after(self.norm1, self.attn, x))
        else:
            x = x[:, :kept] + self.drop_path(self.attn(self.norm1(x), kept))
        return x + self.drop_path(after(self.norm2, self.mlp, x))
