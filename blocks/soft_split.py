"""The soft split: overlapping patches, so that neighbouring tokens share pixels."""

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from blocks.recorded import is_recorded


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
        if x.device.type == "cpu" and not is_recorded(x):
            return _gathered(x, self.split)
        k, s, p = self.split
        tokens = F.unfold(x, kernel_size=k, stride=s, padding=p).transpose(1, 2)
        return tokens.contiguous()  # once, and not in each operator that reads it, forward and backward


def _gathered(x: torch.Tensor, split: Split) -> torch.Tensor:
    """As `F.unfold`, which goes picture by picture on a CPU and takes three times as long, forward and backward."""
    _, chans, height, width = x.shape
    values = F.pad(x.permute(0, 2, 3, 1).flatten(1), (0, 1))  # what comes from tokens lies in this order
    tokens = _Gather.apply(values, _places(split, chans, height, width))
    rows, columns = split.grid_size(height, width)
    return tokens.unflatten(1, (rows * columns, chans * split.kernel**2))


class _Gather(torch.autograd.Function):
    """`values.index_select(1, places)`, whose places are remembered anyway: they are no activation that is kept."""

    @staticmethod
    def forward(ctx, values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        ctx.places, ctx.count = places, values.shape[1]
        return values.index_select(1, places)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        return gradient.new_zeros(len(gradient), ctx.count).index_add(1, ctx.places, gradient), None


@lru_cache(maxsize=16)
def _places(split: Split, chans: int, height: int, width: int) -> torch.Tensor:
    """Of each value of each patch, (N C k^2,) int64: where it is in a picture (H W C); one past it for the padding."""
    k, s, p = split
    count = chans * height * width
    with torch.inference_mode(False), torch.device("cpu"):  # tensors of inference mode serve no backward pass
        numbers = torch.arange(count, dtype=torch.float64).view(1, height, width, chans).permute(0, 3, 1, 2)
        places = F.unfold(numbers - count, kernel_size=k, stride=s, padding=p) + count
        return places.transpose(1, 2).flatten().long()
