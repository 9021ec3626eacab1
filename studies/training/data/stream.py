"""The training batches of a trial, loaded ahead in the order in which a trainer takes them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from studies.training.data.part import Part

Taken = TypeVar("Taken")
Given = TypeVar("Given", covariant=True)


class Place(NamedTuple):
    """A part of a batch of an epoch; also of several batches, where they are made at once and counted as one."""

    epoch: int
    batch: int
    part: Part


class Loads(Protocol[Given]):
    """What `Loading` does."""

    def begin(self, requests: Iterable[list[Any]]) -> None:
        """Load these from now on."""

    def take(self) -> Given | None:
        """The next one; None after the last."""

    def close(self) -> None:
        """End what loads them."""


class Stream(Generic[Taken]):
    """Guesses which parts of which batches come next, and loads these ahead.

    A trainer takes all its parts of a batch, then the same parts of the next. Whatever else is asked for is right too,
    and slower: loading begins anew there. So it is at the start, after a resumption, and when the parts change.

    Args:
        loading: of the training split.
        steps: batches of an epoch, each in such parts.
        epochs: of the recipe; nothing is loaded beyond them.
        request: what is asked of `loading` for a place.
    """

    def __init__(
        self,
        loading: Loads[Taken],
        steps: Callable[[Part], int],
        epochs: int,
        request: Callable[[Place], list[Any]],
    ) -> None:
        self.loading, self.steps, self.epochs, self.request = loading, steps, epochs, request
        self.parts: tuple[Part, ...] = ()
        self.restarts = 0
        self._expected: Iterator[Place] = iter(())
        self._last: Place | None = None

    def take(self, epoch: int, index: int, part: Part) -> Taken:
        """A part of a batch, on the device.

        Raises:
            DataError: if it cannot be loaded.
        """
        place = Place(epoch, index, part)
        expected, last, self._last = next(self._expected, None), self._last, None
        if place != expected:
            self._learn(place, expected, last)
            self.restarts += 1
            self.loading.begin(map(self.request, self._places(place)))
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

    def close(self) -> None:
        """End what loads; who takes another part begins anew."""
        self._expected, self._last = iter(()), None
        self.loading.close()

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
            for i in range(index if e == epoch else 0, max(self.steps(part), index + 1)):
                yield from (Place(e, i, p) for p in parts)
                parts = self.parts
