"""Digits and fragments of digits placed on a canvas, over a smooth background with noise."""

import torch
import torch.nn.functional as F

from studies.trials.data import DigitsSpec


def place(digits: torch.Tensor, torn: torch.Tensor, spec: DigitsSpec, generator: torch.Generator) -> torch.Tensor:
    """Pictures (n, 3, H, W) of digits (n, d, 8, 8) in [0, 1], side by side, and of fragments (n, f, 8, 8) between them.

    A digit lies wholly inside its canvas; one alone lies anywhere, and several divide the width at random. Where two
    marks overlap, the stronger ink counts.
    """
    n, d = digits.shape[:2]
    size = spec.img_size

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    side, angle, offset = (
        uniform(spec.min_side, spec.max_side, d),
        uniform(-spec.rotation, spec.rotation, d),
        uniform(-1, 1, d, 2),
    )
    centre = offset * (1 - side / size)[..., None]  # canvas coordinates run from -1 to 1
    if d > 1:
        centre[..., 0] = _side_by_side(side, offset[..., 0], size)
    ink = _drawn(digits, side, angle, centre, size)
    if torn.shape[1]:
        side, angle = uniform(spec.min_side, spec.max_side, spec.clutter), uniform(-3.1416, 3.1416, spec.clutter)
        ink = torch.maximum(ink, _drawn(torn, side, angle, uniform(-1, 1, spec.clutter, 2), size))
    colour = spec.contrast * uniform(0.5, 1.3, 3, 1, 1)
    coarse = torch.randn(n, 3, 4, 4, generator=generator) * spec.background
    background = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    noise = torch.randn(n, 3, size, size, generator=generator) * spec.noise
    return ink * colour + background + noise


def fragments(digits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Of each digit (n, f, 8, 8) a square of half its side, at random, in the middle of an empty one."""
    n, f, side, _ = digits.shape
    if not f:
        return digits
    half = side // 2
    at = torch.randint(half + 1, (n, f, 2), generator=generator)
    steps = torch.arange(half)
    rows, columns = at[..., 0, None] + steps, at[..., 1, None] + steps
    first, second = torch.arange(n)[:, None, None, None], torch.arange(f)[:, None, None]
    cut = digits[first, second, rows[..., :, None], columns[..., None, :]]
    margin = (side - half) // 2
    return F.pad(cut, (margin, side - half - margin) * 2)


def _side_by_side(side: torch.Tensor, offset: torch.Tensor, size: int) -> torch.Tensor:
    """Where the centres of digits (n, d) are from left to right: the width that they leave is cut at random."""
    free = size - side.sum(dim=1, keepdim=True)
    cuts = ((offset + 1) / 2).sort(dim=1).values * free  # of so many cuts, what is left of each
    left = cuts + side.cumsum(dim=1) - side
    return (left + side / 2) * 2 / size - 1


def _drawn(
    marks: torch.Tensor, side: torch.Tensor, angle: torch.Tensor, centre: torch.Tensor, size: int
) -> torch.Tensor:
    """Ink (n, 1, H, W) of marks (n, k, 8, 8) at centres (n, k, 2), resized to `side` pixels and turned."""
    n, k = marks.shape[:2]
    # The affine map takes canvas coordinates to those of a mark, as affine_grid wants it.
    zoom = size / side
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    turn = torch.stack((torch.stack((cos, sin), -1), torch.stack((-sin, cos), -1)), -2)
    shift = -(turn @ centre[..., None])
    maps = torch.cat((turn, shift), -1).flatten(0, 1)
    grid = F.affine_grid(maps, [n * k, 1, size, size], align_corners=False)
    marks = marks.flatten(0, 1)[:, None]
    ink = F.grid_sample(marks, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return ink.view(n, k, size, size).amax(dim=1, keepdim=True)
