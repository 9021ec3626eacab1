"""Ghost operations: half of the features from a full map, the rest from a cheap one.

Source: GhostNet, Han et al., arXiv 1911.11907; carried over to transformers in arXiv 2101.11986, section 3.2.
"""

import torch
from torch import nn

from blocks.attention import attend, split_heads
from blocks.linear import Linear


class CheapScale(nn.Module):
    """y = w * x, a weight per channel (a depthwise convolution of kernel 1). (B, N, C) to (B, N, C)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim))
        nn.init.uniform_(self.weight, -1.0, 1.0)  # what nn.Conv1d draws for a kernel of 1 in groups of 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel."""
        return x * self.weight


class GhostLinear(nn.Module):
    """[p, w * p] with p = linear(x) of half the width. (B, N, C_in) to (B, N, C_out), C_out even.

    Raises:
        ValueError: if `out_features` is odd.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        if out_features % 2:
            raise ValueError(f"out_features must be even, got {out_features}")
        self.primary = Linear(in_features, out_features // 2, bias=bias)
        self.cheap = CheapScale(out_features // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Make half of the features, and the other half from them."""
        p = self.primary(x)
        return torch.cat((p, self.cheap(p)), dim=-1)


class GhostAttention(nn.Module):
    """Self-attention whose q, k and v are ghost linears; projection and gate as in `Attention`.

    Shapes: (B, N, C) to (B, N, C).

    Raises:
        ValueError: if `num_heads` does not divide `dim` or `dim` is odd.
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = False, gate: nn.Module | None = None) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"num_heads must divide dim, got num_heads={num_heads} and dim={dim}")
        self.num_heads = num_heads
        self.q = GhostLinear(dim, dim, bias=qkv_bias)
        self.k = GhostLinear(dim, dim, bias=qkv_bias)
        self.v = GhostLinear(dim, dim, bias=qkv_bias)
        self.proj = Linear(dim, dim)
        self.gate = gate if gate is not None else nn.Identity()

    def forward(self, x: torch.Tensor, kept: int | None = None) -> torch.Tensor:
        """Attend over the tokens; of the first `kept` of them alone, if given: (B, kept, C)."""
        few = kept is not None and isinstance(self.gate, nn.Identity)  # a gate sees what all tokens say
        parts = self.q(x[:, :kept] if few else x), self.k(x), self.v(x)
        y = self.gate(self.proj(attend(*(split_heads(part, self.num_heads) for part in parts))))
        return y if kept is None else y[:, :kept]


class GhostMlp(nn.Module):
    """linear(cat(h, g(w_2 h), ..., g(w_r h))) with h = g(linear(x)) of width C, g = GELU, r = `ratio`.

    Shapes: (B, N, C) to (B, N, C).

    Raises:
        ValueError: if `ratio` is not a whole number of at least 2.
    """

    reads = "fc1"  # see `blocks.linear.after`

    def __init__(self, dim: int, ratio: float) -> None:
        super().__init__()
        if ratio != int(ratio) or ratio < 2:
            raise ValueError(f"ratio must be a whole number of at least 2, got {ratio}")
        self.fc1 = Linear(dim, dim)
        self.act = nn.GELU()
        self.cheap = nn.ModuleList(CheapScale(dim) for _ in range(int(ratio) - 1))
        self.fc2 = Linear(int(ratio) * dim, dim)

    def forward(self, x: torch.Tensor, norm: nn.Module | None = None) -> torch.Tensor:
        """Widen cheaply, then project back. `norm`, if given, is applied to x first."""
        h = self.act(self.fc1(x, norm) if norm else self.fc1(x))
        return self.fc2(torch.cat([h, *(self.act(cheap(h)) for cheap in self.cheap)], dim=-1))
