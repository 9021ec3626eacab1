"""Dense connections between transformer layers.

Source: DenseNet, Huang et al., arXiv 1608.06993; over tokens in arXiv 2101.11986, section 3.2.
"""

import torch
from torch import nn

from blocks.linear import Linear


class DenseLayer(nn.Module):
    """[x, linear(layer(x))]: the layer's features are appended. (B, N, C) to (B, N, C + growth_rate)."""

    def __init__(self, layer: nn.Module, dim: int, growth_rate: int) -> None:
        super().__init__()
        self.layer = layer
        self.grow = Linear(dim, growth_rate)

    def forward(self, x: torch.Tensor, kept: int | None = None) -> torch.Tensor:
        """Append `growth_rate` features; to the first `kept` tokens alone, if given: (B, kept, C + growth_rate)."""
        if kept is None:
            return torch.cat((x, self.grow(self.layer(x))), dim=-1)
        return torch.cat((x[:, :kept], self.grow(self.layer(x, kept))), dim=-1)


class Transition(nn.Module):
    """GELU(linear(x)) to fewer channels. (B, N, C_in) to (B, N, C_out)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = Linear(in_features, out_features)
        self.act = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compress the channels."""
        return self.act(self.linear(x))
