"""Horizontal flips at random."""

import torch

from studies.training.data.augment.stage import put


class Flip:
    """Mirror a picture left to right with a chance: torchvision's `RandomHorizontalFlip`."""

    numbers = 1

    def __init__(self, chance: float) -> None:
        self.chance = chance

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Pictures (B, C, H, W), some of them mirrored."""
        chosen = (u[:, 0] < self.chance).nonzero()[:, 0].to(x.device, non_blocking=True)
        return put(x, chosen, x.index_select(0, chosen).flip(-1))
