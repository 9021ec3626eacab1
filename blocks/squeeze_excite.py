"""Squeeze-and-excitation over tokens."""

import torch
from torch import nn


class SqueezeExcite(nn.Module):
    """x * sigmoid(W2 relu(W1 mean_N(x))), both linears without bias. (B, N, C) to (B, N, C).

    Source: Hu et al., arXiv 1709.01507; over tokens in arXiv 2101.11986, section 3.2.

    Raises:
        ValueError: if `dim` is smaller than `reduction`.
    """

    def __init__(self, dim: int, reduction: int = 16) -> None:
        super().__init__()
        if dim < reduction:
            raise ValueError(f"dim must be at least reduction, got dim={dim} and reduction={reduction}")
        self.fc1 = nn.Linear(dim, dim // reduction, bias=False)
        self.act = nn.ReLU()
        self.fc2 = nn.Linear(dim // reduction, dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Gate the channels by what all tokens say."""
        return x * self.fc2(self.act(self.fc1(x.mean(dim=1, keepdim=True)))).sigmoid()
