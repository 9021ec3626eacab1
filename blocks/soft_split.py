"""The soft split: overlapping patches, so that neighbouring tokens share pixels."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


class Split(NamedTuple):
    """One soft split: kernel k, stride s (the paper's k - s), padding p, in pixels of its input."""

    kernel: int
    stride: int
    padding: int

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """floor((h + 2p - k) / s) + 1 rows, the same for columns (arXiv 2101.11986, eq. 3)."""
        k, s, p = self
        return (height + 2 * p - k) // s + 1, (width + 2 * p - k) // s + 1


class SoftSplit(nn.Module):
    """Unfold a map into overlapping patches. (B, C, H, W) to (B, N, C k^2).

    Source: arXiv 2101.11986, section 3.1, eqs. 2 and 3.
    """

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map to tokens."""
        k, s, p = self.split
        tokens = F.unfold(x, kernel_size=k, stride=s, padding=p).transpose(1, 2)
        return tokens.contiguous()  # once, and not in each operator that reads it, forward and backward
