"""Multi-head self-attention."""

import torch
import torch.nn.functional as F
from torch import nn

from blocks.linear import Linear


def split_heads(x: torch.Tensor, num_heads: int) -> torch.Tensor:
    """(B, N, C) to (B, num_heads, N, C / num_heads)."""
    b, n, c = x.shape
    return x.reshape(b, n, num_heads, c // num_heads).transpose(1, 2)


class Attention(nn.Module):
    """softmax(q k^T / sqrt(C / num_heads)) v, then a projection and, if given, a gate over channels.

    Shapes: (B, N, C) to (B, N, C).

    Source: Vaswani et al., arXiv 1706.03762, eq. 1; `num_heads=32` is the ResNeXt variant of arXiv 2101.11986.
    The gate stands after the projection, as in the public T2T-ViT-SE.

    Raises:
        ValueError: if `num_heads` does not divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = False, gate: nn.Module | None = None) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"num_heads must divide dim, got num_heads={num_heads} and dim={dim}")
        self.num_heads = num_heads
        self.qkv = Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = Linear(dim, dim)
        self.gate = gate if gate is not None else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend over the tokens."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        y = F.scaled_dot_product_attention(
            split_heads(q, self.num_heads), split_heads(k, self.num_heads), split_heads(v, self.num_heads)
        )
        return self.gate(self.proj(y.transpose(1, 2).flatten(2)))
