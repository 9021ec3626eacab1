"""Augmented batches of pictures that lie in memory, made a few at once: functions of their place in a training."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch.utils.data import Dataset

from studies.training.data.augment.chain import Chain
from studies.training.data.part import Part
from studies.training.data.pixels import Pictures, Pixels
from studies.training.data.stream import Place
from studies.training.seeding import derived
from studies.trials.recipe import Recipe

AREA = 2**20  # pixels of the pictures that are made at once: a thousand small ones take less time each than a hundred


@dataclass(frozen=True, eq=False)
class Making(Dataset[torch.Tensor]):
    """Makes the training batches of a trial, in groups, in any process: what is made depends on its place alone.

    Attributes:
        train: the training split.
        pixels: what makes of bytes what a model sees; none for pictures that are normalised already.
        recipe: with `augment`.
        seed: of the trial.
    """

    train: Pictures
    pixels: Pixels | None
    recipe: Recipe
    seed: int

    @property
    def steps(self) -> int:
        """Whole batches in an epoch."""
        return len(self.train) // self.recipe.batch_size

    def together(self, part: Part) -> int:
        """How many batches a group has, if it is not the last of its epoch."""
        return max(1, AREA // (self.recipe.batch_size // part.count * self._side**2))

    def groups(self, part: Part) -> int:
        """Groups in an epoch."""
        return -(-self.steps // self.together(part))

    def indices(self, group: Place) -> range:
        """Of the batches of a group."""
        together = self.together(group.part)
        return range(group.batch * together, min(self.steps, (group.batch + 1) * together))

    def __getitem__(self, group: Place) -> torch.Tensor:
        """The pictures of a group, batch after batch: (n * B, C, H, W) float32."""
        rows = group.part.rows(self.recipe.batch_size)
        steps = (group.epoch * self.steps + i for i in self.indices(group))
        numbers = torch.cat([self._chain.draw(self.seed, step, self.recipe.batch_size)[rows] for step in steps])
        x = self.train.x.index_select(0, self._chosen(group))
        return self._chain(self.pixels.resized(x) if self.pixels else x, numbers)

    def labels(self, group: Place) -> torch.Tensor:
        """Of the pictures of a group: (n * B,) int64."""
        return self.train.y[self._chosen(group)]

    def _chosen(self, group: Place) -> torch.Tensor:
        """Which pictures a group has."""
        size, device = self.recipe.batch_size, self.train.y.device
        rows = group.part.rows(size)
        places = torch.cat([i * size + rows for i in self.indices(group)]).to(device)
        return order(self.seed, group.epoch, len(self.train), device)[places]

    @property
    def most(self) -> int:
        """Numbers of the pictures of the largest group."""
        return max(AREA, self.recipe.batch_size * self._side**2) * self.train.x.shape[1]

    @property
    def _side(self) -> int:
        return self.pixels.side if self.pixels else self.train.x.shape[-1]

    @cached_property
    def _chain(self) -> Chain:
        assert self.recipe.augment
        return Chain(self.recipe.augment, self.pixels, self.recipe.shift)


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, count: int, device: torch.device) -> torch.Tensor:
    """The numbers of `count` pictures in the order of an epoch: (count,) int64 on their device."""
    generator = torch.Generator(device).manual_seed(derived(seed, "order", epoch))
    return torch.randperm(count, generator=generator, device=device)
