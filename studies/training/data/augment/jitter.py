"""Brightness, contrast and saturation at random, in random order."""

from itertools import permutations

import torch

from studies.training.data.augment import tones
from studies.training.data.augment.stage import between, put, whole

CHANGES = (tones.brightness, tones.contrast, tones.color)
ORDERS = tuple(permutations(range(len(CHANGES))))


class ColorJitter:
    """torchvision's `ColorJitter(v, v, v)`, as timm's training has it: no hue.

    Args:
        largest: v in [0, 1]; factors are uniform from 1 - v to 1 + v.
    """

    numbers = len(CHANGES) + 1

    def __init__(self, largest: float) -> None:
        self.largest = largest

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) uint8, changed in place."""
        factors = between(u[:, : len(CHANGES)], 1 - self.largest, 1 + self.largest)
        return jittered(x, factors, whole(u[:, -1], len(ORDERS)))


def jittered(x: torch.Tensor, factors: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Pictures changed in place by factors (B, 3) in orders (B,), places in `ORDERS`, both on the CPU."""
    for step in range(len(CHANGES)):
        which = torch.tensor([one[step] for one in ORDERS])[order]
        for i, change in enumerate(CHANGES):
            chosen = (which == i).nonzero()[:, 0]
            if len(chosen):
                rows = chosen.to(x.device, non_blocking=True)
                put(x, rows, change(x.index_select(0, rows), factors[chosen, i]))
    return x
