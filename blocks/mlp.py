"""The two-layer perceptron of a transformer layer."""

import torch
from torch import nn

from blocks.linear import Linear, activated


class Mlp(nn.Module):
    """Linear, GELU, linear, dropout. (B, N, C) to (B, N, C); names are those of timm's."""

    reads = "fc1"  # see `blocks.linear.after`

    def __init__(self, dim: int, hidden: int, drop: float = 0.0) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = Linear(hidden, dim)
        self.drop = nn.Dropout(drop)

    def forward(self, x: torch.Tensor, norm: nn.Module | None = None) -> torch.Tensor:
        """Each token by itself. `norm`, if given, is applied to x first."""
        h = self.fc1(x, norm) if norm else self.fc1(x)
        return self.drop(activated(self.act, self.fc2, h))
