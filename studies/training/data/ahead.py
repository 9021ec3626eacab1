"""Batches made a few at once: small pictures are augmented faster by the thousand than by the hundred."""

from collections.abc import Callable

from studies.training.data.part import Part
from studies.training.evaluation import Batch

AREA = 2**20  # pixels of the pictures that are made at once

Make = Callable[[range], list[Batch]]  # the batches of some indices


class Ahead:
    """The next batches of an epoch, part by part. What comes out is what `make` gives for one index alone."""

    def __init__(self) -> None:
        self._made: dict[Part, tuple[object, int, dict[int, Batch]]] = {}

    def take(self, key: object, part: Part, index: int, stop: int, area: int, make: Make) -> Batch:
        """A batch, handed out once; asked for again, it is made again, since who has it may change it.

        Args:
            key: of what the batches are made; another key, and all that was made is dropped.
            part: of every batch.
            index: of the batch.
            stop: one past the last batch of the epoch.
            area: pixels of one batch's pictures.
            make: makes the batches of a range of indices.
        """
        together = max(1, AREA // area)
        end = min(stop, index - index % together + together)
        found = self._made.get(part)
        if found is None or found[0] != key or index not in found[2]:
            # Parts of a batch are asked for one after the other: what another part has of earlier ones is not needed.
            self._made = {p: made for p, made in self._made.items() if made[:2] == (key, end) and p != part}
            steps = range(index, end)
            self._made[part] = (key, end, dict(zip(steps, make(steps), strict=True)))
        return self._made[part][2].pop(index)
