"""Random erasing (arXiv 1708.04896): rectangles of a normalised picture are filled."""

from functools import lru_cache
from math import log

import torch

from studies.training.data.augment.stage import between, normal, put, whole
from studies.training.seeding import generator

TRIES = 10  # rectangles drawn until one lies within the picture
AREA = (0.02, 1 / 3)  # of a rectangle, of the picture's
SHAPE = (log(0.3), log(1 / 0.3))  # logarithm of height over width
TABLE = 2**20  # normal numbers that noise is read from


class Erasing:
    """timm's `RandomErasing` with its default areas and shapes.

    The noise of `pixel` is a run of one table of a million normal numbers, begun at a random place, where timm draws
    new ones: a table is the same on every device.

    Args:
        chance: of a picture to have any rectangle.
        mode: const fills with 0, the mean; rand with one normal colour a rectangle; pixel with normal noise.
        count: most rectangles of a picture; their number is uniform from 1, and each has its share of the area.
    """

    def __init__(self, chance: float, mode: str, count: int) -> None:
        self.chance, self.mode, self.count = chance, mode, count
        self._each = 2 * TRIES + 2 + 3
        self.numbers = 2 + count * self._each

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) float32, changed in place."""
        chosen = (u[:, 0] < self.chance).nonzero()[:, 0]
        if not len(chosen):
            return x
        u, rows = u[chosen], chosen.to(x.device, non_blocking=True)
        made, count = x.index_select(0, rows), 1 + whole(u[:, 1], self.count)
        for i, numbers in enumerate(u[:, 2:].split(self._each, 1)):
            boxes = self.boxes(numbers, count, x.shape[2], x.shape[3])
            boxes[i >= count, 2:] = 0
            made = erased(made, boxes, self._content(made, numbers[:, -3:]))
        return put(x, rows, made)

    def boxes(self, u: torch.Tensor, count: torch.Tensor, h: int, w: int) -> torch.Tensor:
        """Rectangles in pictures of h x w that have `count` (B,) of them: (B, 4) int64, top, left, height, width.

        Of height and width 0 if none of ten was small enough.
        """
        area = between(u[:, :TRIES], *AREA) * h * w / count[:, None]
        shape = between(u[:, TRIES : 2 * TRIES], *SHAPE).exp()
        heights, widths = (area * shape).sqrt().round(), (area / shape).sqrt().round()
        fits = (heights < h) & (widths < w)
        first = fits.to(torch.uint8).argmax(1, keepdim=True)
        sides = torch.cat((heights.gather(1, first), widths.gather(1, first)), 1) * fits.any(1, keepdim=True)
        room = torch.tensor([h, w]) - sides + 1
        return torch.cat((whole(u[:, 2 * TRIES : 2 * TRIES + 2], room), sides.long()), 1)

    def _content(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        if self.mode == "const":
            return x.new_zeros(())
        if self.mode == "rand":
            return normal(u).to(x.dtype).to(x.device)[:, :, None, None]
        run = x[0].numel()
        starts = whole(u[:, 0], TABLE).to(x.device, non_blocking=True)
        return _table(run, x.device).unfold(0, run, 1).index_select(0, starts).view(x.shape)


def erased(x: torch.Tensor, boxes: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
    """Pictures (B, C, H, W) with rectangles (B, 4), top, left, height, width, filled by what `content` has there."""
    top, left, height, width = boxes.to(x.device, non_blocking=True)[:, :, None].unbind(1)
    row, column = torch.arange(x.shape[2], device=x.device), torch.arange(x.shape[3], device=x.device)
    rows, columns = (row >= top) & (row < top + height), (column >= left) & (column < left + width)
    return torch.where((rows[:, :, None] & columns[:, None])[:, None], content, x)


@lru_cache(maxsize=4)
def _table(run: int, device: torch.device) -> torch.Tensor:
    """Normal numbers, enough for a run of so many from each of `TABLE` places."""
    return torch.randn(TABLE + run, generator=generator(0, "erasing")).to(device)
