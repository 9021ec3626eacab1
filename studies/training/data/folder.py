"""Pictures in files: read and augmented by data workers, normalised and erased on the device."""

from collections.abc import Iterator
from functools import lru_cache

import torch
from timm.data.random_erasing import RandomErasing

from studies.training.data.access import DataAccess
from studies.training.data.corrupt import Corrupt
from studies.training.data.loading import Loading
from studies.training.data.normalised import Normalised
from studies.training.data.part import WHOLE, Part
from studies.training.data.root import data_root
from studies.training.data.samples import Asked, Loaded, TestSamples, TrainingSamples, collate, collate_readable
from studies.training.data.source import parted, subset
from studies.training.data.splits import Splits, open_splits
from studies.training.data.stream import Place, Stream
from studies.training.data.transforms import for_test, for_training
from studies.training.evaluation import Batch
from studies.training.ranks import Ranks
from studies.training.seeding import generator, seed_all
from studies.trials.data import FolderSpec
from studies.trials.recipe import Augment, Recipe

TEST_BATCH = 128  # pictures: at 224 x 224, 77 MB


def open_folder(spec: FolderSpec, access: DataAccess, device: torch.device) -> "FolderSource":
    """The pictures that a spec names.

    Raises:
        SpecError: if they are not there, or not what the spec says.
    """
    return FolderSource(spec, open_splits(spec, data_root(access.root)), device, access.workers)


class FolderSource:
    """Splits whose pictures are read when they are needed.

    With `train_size` or `test_size` below what is there, a split is a random subset, over all classes together and so
    not quite balanced, that is always the same. What is held out for validation is a random subset likewise.

    Attributes:
        fingerprint: of names and sizes of the files of both splits.
        corrupt: pictures that could not be read so far; in training the next one takes their place, in an evaluation
            they are left out. Of several processes each counts what it has read itself, and refuses too many of those;
            what all have met, together, is counted and judged when they `share` it, after each epoch.
    """

    def __init__(self, spec: FolderSpec, splits: Splits, device: torch.device, workers: int) -> None:
        self.spec, self.device, self.workers = spec, device, workers
        self.fingerprint, self.corrupt = splits.fingerprint, 0
        self._readers = {"train": splits.train, "test": splits.test}
        self._train, self._test = subset(len(splits.train), spec.train_size), subset(len(splits.test), spec.test_size)
        if spec.validation:
            self._readers["test"] = splits.train
            self._train, self._test = (self._train[rows] for rows in parted(len(self._train), spec.held_out))
        self._met = Corrupt(len(self._train) + len(self._test), lambda split, i: self._readers[split].name(i))
        self._notes: list[str] = []
        self._order = lru_cache(maxsize=2)(self._ordered)
        self._stream: Stream[Loaded] | None = None
        self._stream_of: tuple[Recipe, int] | None = None
        self._erasing: RandomErasing | None = None
        self._testing: Normalised | None = None

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in an epoch; what is left over is not seen."""
        return len(self._train) // batch_size

    def train_batch(self, recipe: Recipe, seed: int, epoch: int, index: int, part: Part = WHOLE) -> Batch:
        """A part of a batch of an epoch: drawn without replacement, augmented, erased, not mixed.

        Raises:
            DataError: if more than 0.1 % of the pictures cannot be read, or none can.
        """
        if self._stream is None or self._stream_of != (recipe, seed):
            self._begin(recipe, seed)
        assert self._stream
        x, y, corrupt = self._stream.take(epoch, index, part)
        self._count("train", corrupt)
        if self._erasing:
            first = index * recipe.batch_size
            for picture, row in zip(x, part.rows(recipe.batch_size).tolist(), strict=True):
                seed_all(seed, "erasing", epoch, first + row)  # picture by picture: however a batch is cut
                self._erasing(picture)
        seed_all(seed, "step", epoch * self.steps_per_epoch(recipe.batch_size) + index)
        return x, y

    def test_batches(self, limit: int | None = None, part: Part = WHOLE) -> Iterator[Batch]:
        """The test split in order, or a subset of so many pictures; of several parts, each takes every so many-th.

        Raises:
            DataError: if more than 0.1 % of the pictures cannot be read.
        """
        chosen = self._test if limit is None else self._test[subset(len(self._test), limit)]
        batches = [batch.tolist() for batch in chosen[part.index :: part.count].split(TEST_BATCH)]
        if self._testing is None:
            spec = self.spec
            size = spec.img_size, spec.img_size
            transform = for_test(size, spec.crop_pct, spec.interpolation)
            samples = TestSamples(self._readers["test"], transform, size, spec.num_classes)
            loading = Loading(samples, collate_readable, self.workers, self.device, self._notes.append)
            self._testing = Normalised(loading)
        self._testing.begin(batches)
        while (batch := self._testing.take()) is not None:
            x, y, corrupt = batch
            self._count("test", corrupt)
            if len(y):
                yield x, y

    def share(self, ranks: Ranks) -> None:
        """Count the corrupt pictures that other processes have met, too; every process must ask.

        Not a sum of counts: a picture that is corrupt is met by one process in one epoch, by another in the next.

        Raises:
            DataError: if all have met more than 0.1 % of the pictures that cannot be read; in every process.
        """
        self._met.add(picture for found in ranks.gathered(self._met.pictures) for picture in found)
        self.corrupt = len(self._met)

    def take_notes(self) -> list[str]:
        """What happened since this was last asked: corrupt pictures, data workers that died."""
        notes, self._notes[:] = [*self._met.notes(), *self._notes], []
        return notes

    def close(self) -> None:
        """End the data workers."""
        for loading in (self._stream, self._testing):
            if loading:
                loading.close()
        self._stream, self._testing = None, None

    def _begin(self, recipe: Recipe, seed: int) -> None:
        """Load the training pictures of another trial."""
        if self._stream:
            self._stream.close()
        spec, augment = self.spec, recipe.augment or Augment()
        samples = TrainingSamples(
            self._readers["train"],
            for_training(recipe, spec.img_size),
            spec.img_size,
            spec.num_classes,
            patience=self._met.allowed + 1,
        )
        loading = Loading(samples, collate, self.workers, self.device, self._notes.append)
        size = recipe.batch_size
        steps = self.steps_per_epoch(size)
        self._stream = Stream(
            Normalised(loading), lambda _: steps, recipe.epochs, lambda place: self._asked(seed, size, place)
        )
        self._stream_of = (recipe, seed)
        self._erasing = None
        if augment.reprob:
            self._erasing = RandomErasing(
                augment.reprob, mode=augment.remode, max_count=augment.recount, device=self.device
            )

    def _asked(self, seed: int, size: int, place: Place) -> list[Asked]:
        """The pictures of a part of a batch of `size`."""
        positions = place.batch * size + place.part.rows(size)
        numbers = self._order(seed, place.epoch)[positions]
        return [
            Asked(seed, place.epoch, position, number)
            for position, number in zip(positions.tolist(), numbers.tolist(), strict=True)
        ]

    def _ordered(self, seed: int, epoch: int) -> torch.Tensor:
        """Numbers of the training pictures in the order of an epoch."""
        order = torch.randperm(len(self._train), generator=generator(seed, "order", epoch))
        return self._train[order]

    def _count(self, split: str, corrupt: torch.Tensor) -> None:
        """Count what was corrupt of a batch: `n` pictures from number `index` on."""
        total = len(self._readers[split])
        for index, n in corrupt.tolist():
            self._met.add((split, (index + i) % total) for i in range(n))
        self.corrupt = len(self._met)
