"""Multi-head self-attention."""

import torch
import torch.nn.functional as F
from torch import nn

from blocks.linear import Linear, linear

FEW_TOKENS = 64


def split_heads(x: torch.Tensor, num_heads: int) -> torch.Tensor:
    """(B, N, C) to (B, num_heads, N, C / num_heads)."""
    b, n, c = x.shape
    return x.reshape(b, n, num_heads, c // num_heads).transpose(1, 2)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """softmax(q k^T / sqrt(d)) v, with the heads side by side: (B, num_heads, N, d) to (B, N of q, num_heads d).

    Few tokens on a CPU go through plain batched products, which take down to two thirds of the fused kernel's time
    there. A trace has the fused one, which is what is counted and exported. q may have fewer tokens than k and v.
    """
    b, heads, n, d = q.shape
    if q.device.type != "cpu" or k.shape[2] > FEW_TOKENS or torch.jit.is_tracing():
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
    # (B num_heads, N of k, N of q): a softmax over the last of few tokens takes twice as long.
    shares = torch.baddbmm(q.new_empty(()), k, q.transpose(1, 2), beta=0, alpha=d**-0.5).softmax(dim=1)
    if 2 * d <= n:  # a product of few columns takes up to 2.5 times as long as its transpose
        return torch.bmm(v.transpose(1, 2), shares).view(b, heads, d, n).permute(0, 3, 1, 2).flatten(2)
    return torch.bmm(shares.transpose(1, 2), v).view(b, heads, n, d).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """softmax(q k^T / sqrt(C / num_heads)) v, then a projection and, if given, a gate over channels.

    Shapes: (B, N, C) to (B, N, C).

    Source: Vaswani et al., arXiv 1706.03762, eq. 1; `num_heads=32` is the ResNeXt variant of arXiv 2101.11986.
    The gate stands after the projection, as in the public T2T-ViT-SE.

    Raises:
        ValueError: if `num_heads` does not divide `dim`.
    """

    reads = "qkv"  # see `blocks.linear.after`

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = False, gate: nn.Module | None = None) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"num_heads must divide dim, got num_heads={num_heads} and dim={dim}")
        self.num_heads = num_heads
        self.qkv = Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = Linear(dim, dim)
        self.gate = gate if gate is not None else nn.Identity()

    def forward(self, x: torch.Tensor, kept: int | None = None, norm: nn.Module | None = None) -> torch.Tensor:
        """Attend over the tokens; of the first `kept` of them alone, if given: (B, kept, C).

        `norm`, if given, is applied to x first.
        """
        if kept is None or not isinstance(self.gate, nn.Identity):  # a gate sees what all tokens say
            q, k, v = (self.qkv(x, norm) if norm else self.qkv(x)).chunk(3, dim=-1)
        else:
            q, k, v = self._few_queries(norm(x) if norm else x, kept)
        y = self.gate(self.proj(attend(*(split_heads(part, self.num_heads) for part in (q, k, v)))))
        return y if kept is None else y[:, :kept]

    def _few_queries(self, x: torch.Tensor, kept: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q of the first tokens, k and v of all."""
        dim = x.shape[2]
        of_q, of_kv = self.qkv.weight.split((dim, 2 * dim))
        bias_q, bias_kv = (None, None) if self.qkv.bias is None else self.qkv.bias.split((dim, 2 * dim))
        k, v = linear(x, of_kv, bias_kv).chunk(2, dim=-1)
        return linear(x[:, :kept], of_q, bias_q), k, v
