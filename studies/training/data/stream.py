"""The training batches of a trial, loaded ahead in the order in which a trainer takes them."""

from collections.abc import Callable, Iterator

import torch

from studies.training.data.loading import Loading
from studies.training.data.part import Part
from studies.training.data.samples import Asked, Loaded

Place = tuple[int, int, Part]  # epoch, batch of the epoch, part of the batch


class Stream:
    """Guesses which parts of which batches come next, and loads these ahead.

    A trainer takes all its parts of a batch, then the same parts of the next. Whatever else is asked for is right too,
    and slower: loading begins anew there. So it is at the start, after a resumption, and when the parts change.

    Args:
        loading: of the training split.
        batch_size: of whole batches.
        steps: batches of an epoch.
        epochs: of the recipe; nothing is loaded beyond them.
        seed: of the trial.
        order: numbers of an epoch's pictures, in the order of the epoch.
    """

    def __init__(
        self,
        loading: Loading,
        batch_size: int,
        steps: int,
        epochs: int,
        seed: int,
        order: Callable[[int], torch.Tensor],
    ) -> None:
        self.loading, self.batch_size, self.steps, self.epochs = loading, batch_size, steps, epochs
        self.seed, self.order = seed, order
        self.parts: tuple[Part, ...] = ()
        self.restarts = 0
        self._expected: Iterator[Place] = iter(())
        self._last: Place | None = None

    def take(self, epoch: int, index: int, part: Part) -> Loaded:
        """A part of a batch, on the device.

        Raises:
            DataError: if it cannot be loaded.
        """
        place = (epoch, index, part)
        expected, last, self._last = next(self._expected, None), self._last, None
        if place != expected:
            self._learn(place, expected, last)
            self.restarts += 1
            self.loading.begin(map(self._request, self._places(place)))
            self._expected = self._places(place)
            next(self._expected)
        try:
            batch = self.loading.take()
        except BaseException:
            self._expected = iter(())  # whoever asks again begins anew
            raise
        assert batch is not None
        self._last = place
        return batch

    def _learn(self, place: Place, expected: Place | None, last: Place | None) -> None:
        """Which parts of a batch are taken, as far as can be told."""
        *batch, part = place
        if last and list(last[:2]) == batch and part not in self.parts:
            self.parts = (*(known for known in self.parts if known.count == part.count), part)
        elif part not in self.parts or (expected and expected[2] != part):
            self.parts = (part,)

    def _places(self, first: Place) -> Iterator[Place]:
        """All that comes from a place on, part by part; that place at least."""
        epoch, index, part = first
        parts = self.parts[self.parts.index(part) :]
        for e in range(epoch, max(self.epochs, epoch + 1)):
            for i in range(index if e == epoch else 0, max(self.steps, index + 1)):
                yield from ((e, i, p) for p in parts)
                parts = self.parts

    def _request(self, place: Place) -> list[Asked]:
        epoch, index, part = place
        positions = index * self.batch_size + part.rows(self.batch_size)
        pictures = self.order(epoch)[positions]
        return [
            Asked(self.seed, epoch, position, picture)
            for position, picture in zip(positions.tolist(), pictures.tolist(), strict=True)
        ]
