"""What a kind of data gives to training: batches that are functions of the seed, the epoch and the index alone."""

from collections.abc import Iterator
from typing import Protocol

import torch

from studies.training.data.ahead import Ahead, workers
from studies.training.data.augment.crop import moved
from studies.training.data.making import Making, order
from studies.training.data.part import WHOLE, Part
from studies.training.data.pixels import Pictures, Pixels
from studies.training.evaluation import Batch
from studies.training.ranks import Ranks
from studies.training.seeding import seed_all
from studies.trials.recipe import Recipe

EVALUATION_BATCH = 512  # pictures of up to 64 x 64; of larger ones as many as have no more pixels
SUBSET_SEED = 0  # of the test pictures that interim accuracies are over


class Source(Protocol):
    """Opened data on one device.

    Attributes:
        fingerprint: of the pictures that are read, 16 hexadecimal digits; "" for pictures that a spec makes.
        corrupt: pictures that could not be read so far, and were passed over; each counts once.
    """

    fingerprint: str
    corrupt: int

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in an epoch."""

    def share(self, ranks: Ranks) -> None:
        """Count the corrupt pictures that other processes have met, too; every process must ask."""

    def take_notes(self) -> list[str]:
        """What happened since this was last asked that changes no result, for people."""

    def close(self) -> None:
        """End the processes that load pictures, if there are any."""

    def train_batch(self, recipe: Recipe, seed: int, epoch: int, index: int, part: Part = WHOLE) -> Batch:
        """A part of a batch of an epoch, augmented but not mixed: the same pictures however many parts there are.

        Leaves the random state that the rest of the step goes on from.
        """

    def test_batches(self, limit: int | None = None, part: Part = WHOLE) -> Iterator[Batch]:
        """The test split in order, or a subset of so many pictures that is the same for every trial.

        Of several parts, each takes every `part.count`-th picture.
        """


class TensorSource:
    """Splits that lie on the device as tensors, drawn and augmented there in batches.

    Args:
        train: the training split.
        test: the test split.
        fingerprint: of both; "" for pictures that a spec makes.
        pixels: what makes of bytes what a model sees; none for pictures that are normalised already.
        cores: of a CPU that this source may use, see `studies.training.data.ahead.workers`; 0 is 1.
    """

    corrupt = 0

    def __init__(
        self, train: Pictures, test: Pictures, fingerprint: str = "", pixels: Pixels | None = None, cores: int = 1
    ) -> None:
        self.train, self.test, self.fingerprint, self.pixels = train, test, fingerprint, pixels
        self.cores = cores
        self._notes: list[str] = []
        self._ahead: Ahead | None = None

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in an epoch; what is left over is not seen."""
        return len(self.train) // batch_size

    def share(self, ranks: Ranks) -> None:
        """Tensors are whole."""

    def take_notes(self) -> list[str]:
        """What happened since this was last asked: data workers that died."""
        notes, self._notes[:] = [*self._notes], []
        return notes

    def close(self) -> None:
        """End the processes that make batches, if there are any."""
        if self._ahead:
            self._ahead.close()

    def train_batch(self, recipe: Recipe, seed: int, epoch: int, index: int, part: Part = WHOLE) -> Batch:
        """A part of a batch of an epoch: drawn without replacement, augmented or at least shifted at random."""
        step = epoch * self.steps_per_epoch(recipe.batch_size) + index
        if recipe.augment:
            x, y = self._made_ahead(recipe, seed).take(epoch, index, part)
            seed_all(seed, "step", step)
            return x, y
        places = slice(index * recipe.batch_size, (index + 1) * recipe.batch_size)
        chosen = order(seed, epoch, len(self.train), self.train.y.device)[places]
        seed_all(seed, "step", step)
        x, y = shifted(self._sized(self.train.x[chosen]), recipe.shift), self.train.y[chosen]
        if part.count > 1:
            rows = part.rows(recipe.batch_size).to(y.device)
            x, y = x[rows], y[rows]
        return self._normalised(x), y

    def _made_ahead(self, recipe: Recipe, seed: int) -> Ahead:
        """The augmented batches of a trial."""
        if self._ahead is None or (self._ahead.making.recipe, self._ahead.making.seed) != (recipe, seed):
            self.close()
            making = Making(self.train, self.pixels, recipe, seed)
            self._ahead = Ahead(making, workers(making, self.cores), self._notes.append)
        return self._ahead

    def _sized(self, x: torch.Tensor) -> torch.Tensor:
        return self.pixels.resized(x) if self.pixels else x

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        return self.pixels.normalised(x) if self.pixels else x

    def test_batches(self, limit: int | None = None, part: Part = WHOLE) -> Iterator[Batch]:
        """The test split in order, or a subset of so many pictures that is the same for every trial."""
        x, y = self.test.x, self.test.y
        if limit is not None and limit < len(y):
            chosen = subset(len(y), limit).to(y.device)
            x, y = x[chosen], y[chosen]
        x, y = x[part.index :: part.count], y[part.index :: part.count]
        count = EVALUATION_BATCH
        if self.pixels and self.pixels.side > 64:
            count = max(1, EVALUATION_BATCH * 64**2 // self.pixels.side**2)
        for pictures, labels in zip(x.split(count), y.split(count), strict=True):
            yield self._normalised(self._sized(pictures)), labels


def subset(count: int, limit: int) -> torch.Tensor:
    """`limit` indices below `count`, drawn at random, always the same, in order: (limit,) int64.

    A split that is sorted by class has only a few classes among its first pictures. The random states stay as they are.
    """
    generator = torch.Generator().manual_seed(SUBSET_SEED)
    return torch.randperm(count, generator=generator)[:limit].sort().values


def parted(count: int, held_out: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices below `count` to learn from, and `held_out` others for validation; drawn at random, always the same."""
    chosen = torch.zeros(count, dtype=torch.bool)
    chosen[subset(count, held_out)] = True
    return (~chosen).nonzero()[:, 0], chosen.nonzero()[:, 0]


def shifted(x: torch.Tensor, largest: int) -> torch.Tensor:
    """Move each picture of a batch (B, C, H, W) by up to `largest` pixels each way; edges are repeated."""
    if not largest:
        return x
    by = torch.randint(0, 2 * largest + 1, (2, len(x), 1), device=x.device)
    return moved(x, by - largest)
