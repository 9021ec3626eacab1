"""Rotation, shear and translation of pictures, interpolated as Pillow's `Image.transform` interpolates.

A pixel is sampled at the place it comes from, without a filter against aliases; places outside the picture get the fill
colour, and neighbours outside it are those of the border. Bicubic is Pillow's for transforms, a = -1 (torch's
`grid_sample` has -0.75, hence the code here). Pillow works in double precision and cuts off what follows the point, so
that where a sum is a whole number its rounding decides; here that number is kept. On digits of 32 x 32 less than 1 byte
in 100 differs, by 1; a pixel whose place is on the border of the picture to within rounding may be fill in one and not
in the other (less than 1 in 1,000).
"""

import math
from collections.abc import Iterator, Sequence

import torch

HAIR = 1 / 1024  # added before cutting off, so that a whole number that rounding made smaller stays

Fill = Sequence[int]
IsCubic = torch.Tensor | bool  # of each picture, (B,), or of all: bicubic, else bilinear


def shear_x(x: torch.Tensor, factor: torch.Tensor, fill: Fill, is_cubic: IsCubic) -> torch.Tensor:
    """Rows moved left by factor times their place, factor (B,)."""
    return slide(x, factor, torch.zeros_like(factor), fill, is_cubic)


def shear_y(x: torch.Tensor, factor: torch.Tensor, fill: Fill, is_cubic: IsCubic) -> torch.Tensor:
    """Columns moved up by factor times their place, factor (B,)."""
    return shear_x(x.mT, factor, fill, is_cubic).mT


def translate_x(x: torch.Tensor, share: torch.Tensor, fill: Fill, is_cubic: IsCubic) -> torch.Tensor:
    """Pictures moved left by a share (B,) of their width."""
    return slide(x, torch.zeros_like(share), share * x.shape[3], fill, is_cubic)


def translate_y(x: torch.Tensor, share: torch.Tensor, fill: Fill, is_cubic: IsCubic) -> torch.Tensor:
    """Pictures moved up by a share (B,) of their height."""
    return translate_x(x.mT, share, fill, is_cubic).mT


def slide(x: torch.Tensor, slope: torch.Tensor, offset: torch.Tensor, fill: Fill, is_cubic: IsCubic) -> torch.Tensor:
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
    made = x.new_zeros((b, c, h, w), dtype=torch.float32)
    for tap, weight in _taps((move - first).float(), _along(is_cubic, move)):
        made.addcmul_(near[..., 1 + tap : 1 + tap + w], weight[:, None, :, None])
    place = move[..., None] + (column[1 : w + 1] + 0.5)
    return _filled(made, (place >= 0) & (place < w), fill)


def rotate(x: torch.Tensor, degrees: torch.Tensor, fill: Fill, is_cubic: IsCubic) -> torch.Tensor:
    """Pictures (B, C, H, W) uint8 turned to the left about their middle by (B,) degrees, float64."""
    b, c, h, w = x.shape
    angle = (-degrees * math.pi / 180)[:, None, None]
    cos, sin = angle.cos(), angle.sin()
    down = (torch.arange(h, device=x.device) + (0.5 - h / 2))[:, None]
    across = torch.arange(w, device=x.device) + (0.5 - w / 2)
    column, row = cos * across + sin * down + w / 2, cos * down - sin * across + h / 2
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    source, made = x.float().flatten(2), torch.zeros(b, c, h * w, device=x.device)
    columns = list(_neighbours(column, w, is_cubic))
    for line, down_weight in _neighbours(row, h, is_cubic):
        start = line * w
        for place, across_weight in columns:
            index = (start + place).view(b, 1, h * w).expand(b, c, h * w)
            made.addcmul_(source.gather(2, index), (down_weight * across_weight).view(b, 1, h * w))
    return _filled(made.view(b, c, h, w), inside, fill)


def _neighbours(place: torch.Tensor, side: int, is_cubic: IsCubic) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The pixels around places (B, H, W) on an axis, and the weight of each."""
    place = place - 0.5
    first = place.floor()
    pixel = first.long()
    for tap, weight in _taps((place - first).float(), _along(is_cubic, place)):
        yield (pixel + tap).clamp_(0, side - 1), weight


def _taps(d: torch.Tensor, is_cubic: IsCubic) -> list[tuple[int, torch.Tensor]]:
    """Pixels around a place, counted from the last one before it, which lies d in [0, 1) before; and their weights."""
    linear = [(0, 1 - d), (1, d)]
    if is_cubic is False:
        return linear
    square = d * d
    cube = square * d
    cubic = [(-1, 2 * square - d - cube), (0, 1 - 2 * square + cube), (1, d + square - cube), (2, cube - square)]
    if is_cubic is True:
        return cubic
    others = dict(linear)
    return [(tap, torch.where(is_cubic, weight, others.get(tap, 0.0))) for tap, weight in cubic]


def _along(is_cubic: IsCubic, like: torch.Tensor) -> IsCubic:
    """What is said of each picture, in the shape of something that is said of its pixels."""
    return is_cubic if isinstance(is_cubic, bool) else is_cubic.view(-1, *[1] * (like.ndim - 1))


def _filled(made: torch.Tensor, inside: torch.Tensor, fill: Fill) -> torch.Tensor:
    """Interpolated pictures as bytes, with the fill colour where nothing was sampled; inside: (B, H, W)."""
    colour = torch.tensor(fill, dtype=torch.uint8).to(made.device, non_blocking=True)[:, None, None]
    mask = inside[:, None].view(torch.uint8).neg()  # 255 inside; `torch.where` on bytes is slow
    return (made.add_(HAIR).clamp_(0, 255).to(torch.uint8) & mask) | (colour & ~mask)
