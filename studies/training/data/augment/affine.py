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
import torch.nn.functional as F

HAIR = 1 / 1024  # added before cutting off, so that a whole number that rounding made smaller stays

Fill = Sequence[int]


def shear_x(x: torch.Tensor, factor: torch.Tensor, fill: Fill, is_cubic: bool) -> torch.Tensor:
    """Rows moved left by factor times their place, factor (B,)."""
    return slide(x, factor, torch.zeros_like(factor), fill, is_cubic)


def shear_y(x: torch.Tensor, factor: torch.Tensor, fill: Fill, is_cubic: bool) -> torch.Tensor:
    """Columns moved up by factor times their place, factor (B,)."""
    return shear_x(x.mT, factor, fill, is_cubic).mT


def translate_x(x: torch.Tensor, share: torch.Tensor, fill: Fill, is_cubic: bool) -> torch.Tensor:
    """Pictures moved left by a share (B,) of their width."""
    return slide(x, torch.zeros_like(share), share * x.shape[3], fill, is_cubic)


def translate_y(x: torch.Tensor, share: torch.Tensor, fill: Fill, is_cubic: bool) -> torch.Tensor:
    """Pictures moved up by a share (B,) of their height."""
    return translate_x(x.mT, share, fill, is_cubic).mT


def slide(x: torch.Tensor, slope: torch.Tensor, offset: torch.Tensor, fill: Fill, is_cubic: bool) -> torch.Tensor:
    """Each row of a picture moved left by slope (row + 1/2) + offset pixels.

    Args:
        x: (B, C, H, W) uint8.
        slope: (B,) float64, on the pictures' device as all that follows.
        offset: (B,) float64.
        fill: a byte for each channel.
        is_cubic: bicubic, else bilinear.
    """
    b, c, h, w = x.shape
    move = slope[:, None] * (torch.arange(h, device=x.device) + 0.5) + offset[:, None]
    first = move.floor()
    column = torch.arange(w + 3, device=x.device) - 1
    window = (first.long()[..., None] + column).clamp_(0, w - 1)
    near = x.float().gather(3, window[:, None].expand(b, c, h, w + 3))
    made = torch.full((b, c, h, w), HAIR, device=x.device)
    for tap, weight in _taps((move - first).float(), is_cubic):
        made.addcmul_(near[..., 1 + tap : 1 + tap + w], weight[:, None, :, None])
    place = move[..., None] + (column[1 : w + 1] + 0.5)
    return _filled(made, (place >= 0) & (place < w), fill)


def rotate(x: torch.Tensor, degrees: torch.Tensor, fill: Fill, is_cubic: bool) -> torch.Tensor:
    """Pictures (B, C, H, W) uint8 turned to the left about their middle by (B,) degrees, float64."""
    b, c, h, w = x.shape
    angle = (-degrees * math.pi / 180)[:, None, None]
    cos, sin = angle.cos(), angle.sin()
    down = (torch.arange(h, device=x.device) + (0.5 - h / 2))[:, None]
    across = torch.arange(w, device=x.device) + (0.5 - w / 2)
    column, row = cos * across + sin * down + w / 2, cos * down - sin * across + h / 2
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    # With a border of repeated pixels every neighbour of a place inside is there, at one distance for all places.
    border, width = 2, w + 4
    source = F.pad(x.float(), (border,) * 4, mode="replicate").flatten(2)
    column, row = (column - 0.5).clamp_(-0.5, w - 0.5), (row - 0.5).clamp_(-0.5, h - 0.5)
    left, top = column.floor(), row.floor()
    index = (top.long() + 1).mul_(width).add_(left.long() + 1).view(b, 1, h * w).expand(b, c, h * w)
    made = torch.full((b, c, h * w), HAIR, device=x.device)
    columns = _taps((column - left).float(), is_cubic)
    for below, down_weight in _taps((row - top).float(), is_cubic):
        for beside, across_weight in columns:
            neighbour = source[..., (1 + below) * width + 1 + beside :].gather(2, index)
            made.addcmul_(neighbour, (down_weight * across_weight).view(b, 1, h * w))
    return _filled(made.view(b, c, h, w), inside, fill)


def _taps(d: torch.Tensor, is_cubic: bool) -> list[tuple[int, torch.Tensor]]:
    """Pixels around a place, counted from the last one before it, which lies d in [0, 1) before; and their weights."""
    if not is_cubic:
        return [(0, 1 - d), (1, d)]
    square = d * d
    cube = square * d
    return [(-1, 2 * square - d - cube), (0, 1 - 2 * square + cube), (1, d + square - cube), (2, cube - square)]


def _filled(made: torch.Tensor, inside: torch.Tensor, fill: Fill) -> torch.Tensor:
    """Interpolated pictures as bytes, with the fill colour where nothing was sampled; inside: (B, H, W)."""
    colour = torch.tensor(fill, dtype=torch.uint8).to(made.device, non_blocking=True)[:, None, None]
    mask = inside[:, None].view(torch.uint8).neg()  # 255 inside; `torch.where` on bytes is slow
    return (made.clamp_(0, 255).to(torch.uint8) & mask) | (colour & ~mask)
