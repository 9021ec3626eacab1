"""From the fields of `Augment` to stages in their order, and the random numbers that they take."""

import torch

from studies.training.data.augment.crop import PadCrop, Shift
from studies.training.data.augment.erasing import Erasing
from studies.training.data.augment.flip import Flip
from studies.training.data.augment.jitter import ColorJitter
from studies.training.data.augment.rand_augment import RandAugmentStage
from studies.training.data.augment.resized_crop import ResizedCrop
from studies.training.data.augment.stage import Stage
from studies.training.data.pixels import Pixels
from studies.training.seeding import generator
from studies.trials.rand_augment import rand_augment
from studies.trials.recipe import Augment


class Chain:
    """All that is done to a training picture before mixing.

    Args:
        augment: which changes.
        pixels: of pictures that are bytes; none: pictures are normalised already, and colours cannot be changed.
        shift: largest shift that comes before all of it, in pixels.

    Attributes:
        numbers: uniform random numbers that a picture takes.
    """

    def __init__(self, augment: Augment, pixels: Pixels | None, shift: int = 0) -> None:
        self.pixels = pixels
        self.before: list[Stage] = [Shift(shift)] if shift else []
        if augment.crop == "pad":
            self.before.append(PadCrop(augment.crop_padding))
        elif augment.crop == "resized":
            self.before.append(ResizedCrop(augment.crop_scale, augment.crop_ratio, augment.interpolation))
        if augment.hflip:
            self.before.append(Flip(augment.hflip))
        if pixels and augment.auto_augment:
            policy = rand_augment(augment.auto_augment)
            self.before.append(RandAugmentStage(policy, pixels.fill, augment.interpolation))
        elif pixels and augment.color_jitter:
            self.before.append(ColorJitter(augment.color_jitter))
        erase = augment.reprob > 0
        self.after: list[Stage] = [Erasing(augment.reprob, augment.remode, augment.recount)] if erase else []
        self.numbers = sum(stage.numbers for stage in (*self.before, *self.after))

    def draw(self, seed: int, step: int, count: int) -> torch.Tensor:
        """Random numbers of a global batch of `count` pictures: (count, numbers) float64 on the CPU."""
        return torch.rand(count, self.numbers, generator=generator(seed, "augment", step), dtype=torch.float64)

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Pictures (B, C, H, W), which it may change in place, to what a model is trained on, float32."""
        parts = iter(u.split([stage.numbers for stage in (*self.before, *self.after)], 1))
        for stage in self.before:
            x = stage(x, next(parts))
        if self.pixels:
            x = self.pixels.normalised(x)
        for stage in self.after:
            x = stage(x, next(parts))
        return x
