"""The small transformers inside the Tokens-to-Token module, which change the token width as they mix.

All map (B, N, C_in) to (B, N, token_dim); since the widths differ, the skip adds v instead of the input.
Source: arXiv 2101.11986, section 3.1, eqs. 1 and 4, and its public code.
"""

from contextlib import AbstractContextManager, nullcontext
from math import sqrt

import torch
import torch.nn.functional as F
from torch import nn

from blocks.linear import Linear, after
from blocks.mlp import Mlp


class TokenTransformer(nn.Module):
    """v + proj(softmax(q k^T / sqrt(C_in)) v), then x + MLP(LN(x)) with MLP ratio 1; one head.

    The scale is that of the public code, the input width and not the head's.
    """

    def __init__(self, in_dim: int, token_dim: int) -> None:
        super().__init__()
        self.scale = in_dim**-0.5
        self.norm1 = nn.LayerNorm(in_dim)
        self.qkv = Linear(in_dim, 3 * token_dim, bias=False)
        self.proj = Linear(token_dim, token_dim)
        self.norm2 = nn.LayerNorm(token_dim)
        self.mlp = Mlp(token_dim, token_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the tokens."""
        q, k, v = after(self.norm1, self.qkv, x).unsqueeze(1).chunk(3, dim=-1)
        y = F.scaled_dot_product_attention(q, k, v, scale=self.scale)
        x = (v + self.proj(y)).squeeze(1)
        return x + after(self.norm2, self.mlp, x)


class TokenPerformer(nn.Module):
    """`TokenTransformer` with attention of linear cost by random features.

    y = phi(q) (phi(k)^T v) / (phi(q) sum phi(k) + 1e-8), phi(x) = exp(w x - |x|^2 / 2) / sqrt(m), with m =
    token_dim / 2 fixed orthogonal features w. The fused linear is in the order k, q, v, with bias.

    The attention is computed in float32 at least, whatever the autocast, since its exponentials overflow in half
    precision.

    Source: Choromanski et al., arXiv 2009.14794, eq. 5.
    """

    epsilon = 1e-8

    def __init__(self, in_dim: int, token_dim: int, drop: float = 0.1) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(in_dim)
        self.kqv = Linear(in_dim, 3 * token_dim)
        self.proj = Linear(token_dim, token_dim)
        self.drop = nn.Dropout(drop)
        self.norm2 = nn.LayerNorm(token_dim)
        self.mlp = Mlp(token_dim, token_dim, drop)
        num_features = token_dim // 2
        features = nn.init.orthogonal_(torch.empty(num_features, token_dim)) * sqrt(num_features)
        self.w = nn.Parameter(features, requires_grad=False)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Positive random features of the softmax kernel times sqrt(m), (B, N, C) to (B, N, m)."""
        rows = x.reshape(-1, x.shape[2])
        half_norm = (rows * rows).sum(dim=-1, keepdim=True) / 2
        return torch.exp(rows @ self.w.to(x.dtype).t() - half_norm).view(*x.shape[:2], len(self.w))

    def attend(self, k: torch.Tensor, q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Attention of linear cost over float32 or float64 (B, N, token_dim)."""
        k, q = self.features(k), self.features(q)
        total = torch.bmm(q, k.sum(dim=1).unsqueeze(-1))
        # With the features m times too large, above and below the fraction bar, epsilon is so as well.
        return torch.bmm(q, torch.bmm(k.transpose(1, 2), v)) / (total + len(self.w) * self.epsilon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the tokens."""
        with _full_precision(x.device.type):
            kqv = after(self.norm1, self.kqv, x.to(self.norm1.weight.dtype))
            k, q, v = kqv.to(torch.promote_types(kqv.dtype, torch.float32)).chunk(3, dim=-1)
            y = self.attend(k, q, v).to(self.proj.weight.dtype)
            x = v.to(y.dtype) + self.drop(self.proj(y))
        return x + after(self.norm2, self.mlp, x)


class TokenLinear(nn.Module):
    """LN, then a linear map: the Tokens-to-Token module without attention, for ablation."""

    def __init__(self, in_dim: int, token_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_dim)
        self.proj = Linear(in_dim, token_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each token by itself."""
        return after(self.norm, self.proj, x)


def _full_precision(device_type: str) -> AbstractContextManager[object]:
    # The meta device, on which costs are counted, knows no autocast.
    return nullcontext() if device_type == "meta" else torch.autocast(device_type, enabled=False)
