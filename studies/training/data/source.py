"""What a kind of data gives to training: batches that are functions of the seed, the epoch and the index alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F

from studies.training.data.part import WHOLE, Part
from studies.training.evaluation import Batch
from studies.training.seeding import seed_all
from studies.trials.recipe import Recipe

EVALUATION_BATCH = 512
SUBSET_SEED = 0  # of the test pictures that interim accuracies are over


class Source(Protocol):
    """Opened data on one device.

    Attributes:
        fingerprint: of the pictures that are read, 16 hexadecimal digits; "" for pictures that a spec makes.
        corrupt: pictures that could not be read so far, and were passed over.
    """

    fingerprint: str
    corrupt: int

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in an epoch."""

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


@dataclass(frozen=True)
class Pictures:
    """A split on a device: pictures (n, C, H, W) float32, labels (n,) int64."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.y)


class TensorSource:
    """Splits that lie on the device as tensors, drawn and augmented there in batches."""

    corrupt = 0

    def __init__(self, train: Pictures, test: Pictures, fingerprint: str = "") -> None:
        self.train, self.test, self.fingerprint = train, test, fingerprint
        self._order: tuple[tuple[int, int], torch.Tensor] = ((-1, -1), torch.empty(0))

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in an epoch; what is left over is not seen."""
        return len(self.train) // batch_size

    def take_notes(self) -> list[str]:
        """Nothing happens to tensors."""
        return []

    def close(self) -> None:
        """There is nothing to end."""

    def train_batch(self, recipe: Recipe, seed: int, epoch: int, index: int, part: Part = WHOLE) -> Batch:
        """A part of a batch of an epoch: drawn without replacement, shifted at random."""
        if self._order[0] != (seed, epoch):
            seed_all(seed, "order", epoch)
            self._order = (seed, epoch), torch.randperm(len(self.train), device=self.train.x.device)
        batch = self._order[1][index * recipe.batch_size : (index + 1) * recipe.batch_size]
        seed_all(seed, "step", epoch * self.steps_per_epoch(recipe.batch_size) + index)
        x, y = shifted(self.train.x[batch], recipe.shift), self.train.y[batch]
        if part.count == 1:
            return x, y
        rows = part.rows(recipe.batch_size).to(y.device)
        return x[rows], y[rows]

    def test_batches(self, limit: int | None = None, part: Part = WHOLE) -> Iterator[Batch]:
        """The test split in order, or a subset of so many pictures that is the same for every trial."""
        x, y = self.test.x, self.test.y
        if limit is not None and limit < len(y):
            chosen = subset(len(y), limit).to(y.device)
            x, y = x[chosen], y[chosen]
        x, y = x[part.index :: part.count], y[part.index :: part.count]
        yield from zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True)


def subset(count: int, limit: int) -> torch.Tensor:
    """`limit` indices below `count`, drawn at random, always the same, in order: (limit,) int64.

    A split that is sorted by class has only a few classes among its first pictures. The random states stay as they are.
    """
    generator = torch.Generator().manual_seed(SUBSET_SEED)
    return torch.randperm(count, generator=generator)[:limit].sort().values


def shifted(x: torch.Tensor, largest: int) -> torch.Tensor:
    """Move each picture of a batch (B, C, H, W) by up to `largest` pixels each way; edges are repeated."""
    if not largest:
        return x
    b, _, h, w = x.shape
    padded = F.pad(x, (largest,) * 4, mode="replicate").permute(0, 2, 3, 1)
    dy, dx = torch.randint(0, 2 * largest + 1, (2, b, 1), device=x.device)
    rows = dy + torch.arange(h, device=x.device)
    columns = dx + torch.arange(w, device=x.device)
    batch = torch.arange(b, device=x.device)[:, None, None]
    return padded[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()
