"""Rotation, shear and translation of pictures, interpolated as Pillow's `Image.transform` interpolates.

A pixel is sampled at the place it comes from, without a filter against aliases; places outside the picture get the fill
colour, and neighbours outside it are those of the border. Bicubic is Pillow's for transforms, a = -1 (torch's
`grid_sample` has -0.75, hence the code here). Pillow works in double precision and cuts off what follows the point, so
that where a sum is a whole number its rounding decides; here that number is kept. On digits of 32 x 32 less than 1 byte
in 100 differs, by 1; a pixel whose place is on the border of the picture to within rounding may be fill in one and not
in the other (less than 1 in 1,000).
"""

import math
from collections.abc import Sequence

import torch

HAIR = 1 / 1024  # added before cutting off, so that a whole number that rounding made smaller stays

Fill = Sequence[int]


def shear_x(x: torch.Tensor, factor: torch.Tensor, fill: Fill, is_cubic: torch.Tensor) -> torch.Tensor:
    """Rows moved left by factor times their place, factor (B,)."""
    return slide(x, factor, torch.zeros_like(factor), fill, is_cubic)


def shear_y(x: torch.Tensor, factor: torch.Tensor, fill: Fill, is_cubic: torch.Tensor) -> torch.Tensor:
    """Columns moved up by factor times their place, factor (B,)."""
    return shear_x(x.mT, factor, fill, is_cubic).mT


def translate_x(x: torch.Tensor, share: torch.Tensor, fill: Fill, is_cubic: torch.Tensor) -> torch.Tensor:
    """Pictures moved left by a share (B,) of their width."""
    return slide(x, torch.zeros_like(share), share * x.shape[3], fill, is_cubic)


def translate_y(x: torch.Tensor, share: torch.Tensor, fill: Fill, is_cubic: torch.Tensor) -> torch.Tensor:
    """Pictures moved up by a share (B,) of their height."""
    return translate_x(x.mT, share, fill, is_cubic).mT


def slide(
    x: torch.Tensor, slope: torch.Tensor, offset: torch.Tensor, fill: Fill, is_cubic: torch.Tensor
) -> torch.Tensor:
    """Each row of a picture moved left by slope (row + 1/2) + offset pixels.

    Args:
        x: (B, C, H, W) uint8.
        slope: (B,) float64, on the pictures' device as all that follows.
        offset: (B,) float64.
        fill: a byte for each channel.
        is_cubic: (B,) bool; the others bilinear.
    """
    b, c, h, w = x.shape
    move = slope[:, None] * (torch.arange(h, device=x.device) + 0.5) + offset[:, None]
    first = move.floor()
    weights = _weights((move - first).float(), is_cubic[:, None])
    column = torch.arange(w + 3, device=x.device) - 1
    window = (first.long()[..., None] + column).clamp_(0, w - 1)
    near = x.float().gather(3, window[:, None].expand(b, c, h, w + 3))
    made = near[..., :w] * weights[0][:, None, :, None]
    for tap in (1, 2, 3):
        made.addcmul_(near[..., tap : tap + w], weights[tap][:, None, :, None])
    place = move[..., None] + (column[1 : w + 1] + 0.5)
    return _filled(made, (place >= 0) & (place < w), fill)


def rotate(x: torch.Tensor, degrees: torch.Tensor, fill: Fill, is_cubic: torch.Tensor) -> torch.Tensor:
    """Pictures (B, C, H, W) uint8 turned to the left about their middle by (B,) degrees, float64."""
    b, c, h, w = x.shape
    angle = (-degrees * math.pi / 180)[:, None, None]
    cos, sin = angle.cos(), angle.sin()
    down = (torch.arange(h, device=x.device) + (0.5 - h / 2))[:, None]
    across = torch.arange(w, device=x.device) + (0.5 - w / 2)
    column, row = cos * across + sin * down + w / 2, cos * down - sin * across + h / 2
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    columns, across_weights = _taps(column, w, is_cubic)
    rows, down_weights = _taps(row, h, is_cubic)
    source, made = x.float().flatten(2), torch.zeros(b, c, h * w, device=x.device)
    for line, down_weight in zip(rows, down_weights, strict=True):
        for place, across_weight in zip(columns, across_weights, strict=True):
            index = (line * w + place).view(b, 1, h * w).expand(b, c, h * w)
            made.addcmul_(source.gather(2, index), (down_weight * across_weight).view(b, 1, h * w))
    return _filled(made.view(b, c, h, w), inside, fill)


def _taps(place: torch.Tensor, side: int, is_cubic: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The four pixels around places (B, H, W) on an axis, and their weights."""
    place = place - 0.5
    first = place.floor()
    pixel = first.long()
    return (
        [(pixel + tap).clamp_(0, side - 1) for tap in (-1, 0, 1, 2)],
        _weights((place - first).float(), is_cubic[:, None, None]),
    )


def _weights(d: torch.Tensor, is_cubic: torch.Tensor) -> list[torch.Tensor]:
    """Weights of four pixels of which the second lies d in [0, 1) before the place that is sampled."""
    square = d * d
    cube = square * d
    cubic = (2 * square - d - cube, 1 - 2 * square + cube, d + square - cube, cube - square)
    linear = (torch.zeros_like(d), 1 - d, d, torch.zeros_like(d))
    return [torch.where(is_cubic, a, b) for a, b in zip(cubic, linear, strict=True)]


def _filled(made: torch.Tensor, inside: torch.Tensor, fill: Fill) -> torch.Tensor:
    """Interpolated pictures as bytes, with the fill colour where nothing was sampled; inside: (B, H, W)."""
    colour = torch.tensor(fill, dtype=torch.uint8).to(made.device, non_blocking=True)[:, None, None]
    return torch.where(inside[:, None], made.add_(HAIR).clamp_(0, 255).to(torch.uint8), colour)
