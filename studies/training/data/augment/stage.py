"""What a step of augmentation is, and how random numbers become its parameters."""

from typing import Protocol

import torch


class Stage(Protocol):
    """A change of a batch of pictures.

    Attributes:
        numbers: uniform random numbers that it takes for each picture.
    """

    numbers: int

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """The pictures changed.

        Args:
            x: (B, C, H, W) on any device; may be changed in place.
            u: (B, numbers) float64 in [0, 1) on the CPU.
        """


def whole(u: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    """Uniform numbers in [0, 1) to whole ones from 0 to count - 1, int64."""
    return (u * count).to(torch.int64)


def between(u: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Uniform numbers in [0, 1) to uniform ones in [low, high)."""
    return low + (high - low) * u


def normal(u: torch.Tensor) -> torch.Tensor:
    """Uniform numbers in [0, 1) to normal ones of mean 0 and deviation 1; -inf for 0."""
    return torch.special.ndtri(u)


def put(x: torch.Tensor, rows: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """`x[rows] = made` in place, whole pictures (B, C, H, W) of one dtype; returns x.

    torch copies value by value, bytes no faster than numbers of 8 bytes: where pictures can be read as such, they are.
    """
    lines, new = x.view(len(x), -1), made.reshape(len(made), -1)
    if lines.shape[1] * x.element_size() % 8 == 0 == x.storage_offset() * x.element_size() % 8:
        lines, new = lines.view(torch.int64), new.contiguous().view(torch.int64)
    lines.index_copy_(0, rows, new)
    return x


def spread(values: torch.Tensor, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A number for each picture, (B,), to where the pictures x lie, as (B, 1, 1, 1)."""
    return values.to(dtype).to(x.device, non_blocking=True)[:, None, None, None]


def cubic(interpolation: str, u: torch.Tensor) -> torch.Tensor:
    """Which of (B,) pictures are interpolated bicubically, the others bilinearly: (B,) bool."""
    if interpolation == "random":
        return u < 0.5
    return torch.full(u.shape, interpolation == "bicubic")
