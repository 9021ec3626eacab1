"""Crops of the picture's own size, at random: after padding with black, or by moving with repeated edges."""

import torch
import torch.nn.functional as F

from studies.training.data.augment.stage import whole


class PadCrop:
    """Random crop after padding on each side: torchvision's `RandomCrop(size, padding)`, picture by picture.

    Padding is 0: black in pictures of bytes, the mean in ones that are normalised already.
    """

    numbers = 2

    def __init__(self, padding: int) -> None:
        self.padding = padding

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Crops (B, C, H, W)."""
        return crops(x, self.padding, whole(u, 2 * self.padding + 1))


def crops(x: torch.Tensor, padding: int, corners: torch.Tensor) -> torch.Tensor:
    """Crops at given corners.

    Args:
        x: (B, C, H, W).
        padding: pixels of 0 on each side.
        corners: (B, 2) int64, row and column in the padded picture.
    """
    b, c, h, w = x.shape
    padded = F.pad(x, (padding,) * 4)
    # Every row of a crop is a window of w pixels of the padded batch as one line, so that rows are copied whole.
    line = padded.view(-1).unfold(0, w, 1)
    top, left = corners.to(x.device, non_blocking=True).unbind(1)
    rows = top[:, None] + torch.arange(h, device=x.device)
    starts = rows * (w + 2 * padding) + left[:, None]
    planes = torch.arange(b * c, device=x.device).view(b, c, 1) * (h + 2 * padding) * (w + 2 * padding)
    return line.index_select(0, (planes + starts[:, None]).view(-1)).view(b, c, h, w)


class Shift:
    """Move each picture by up to `largest` pixels each way; edges are repeated."""

    numbers = 2

    def __init__(self, largest: int) -> None:
        self.largest = largest

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Moved pictures (B, C, H, W)."""
        return moved(x, (whole(u, 2 * self.largest + 1) - self.largest).T[:, :, None].to(x.device))


def moved(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Pictures (B, C, H, W) moved up and left by (2, B, 1) whole pixels; edges are repeated."""
    b, c, h, w = x.shape
    dy, dx = by
    rows = (dy + torch.arange(h, device=x.device)).clamp(0, h - 1)
    columns = (dx + torch.arange(w, device=x.device)).clamp(0, w - 1)
    places = (rows[:, :, None] * w + columns[:, None, :]).view(b, 1, h * w)
    return x.flatten(2).gather(2, places.expand(-1, c, -1)).view(b, c, h, w)
