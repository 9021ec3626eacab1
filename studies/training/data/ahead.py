"""Batches of pictures in memory, made before they are asked for: a few at once, and by the cores that a trial has.

Other cores help by making other batches, not by sharing the operations of one: these are so short that their threads
mostly wait for each other. And they help in processes, as threads mostly wait for Python's lock.
"""

from collections.abc import Callable

import torch

from studies.training.data.corrupt import DataError
from studies.training.data.making import Making
from studies.training.data.part import WHOLE, Part
from studies.training.data.shared import SharedLoading
from studies.training.data.stream import Place, Stream
from studies.training.evaluation import Batch

MOST_WORKERS = 4  # they make more than a CPU trains on, and each holds up to two groups of 12 MB in shared memory


def workers(making: Making, cores: int) -> int:
    """Processes that make batches beside a training which may use so many cores.

    One for each core: the training is one more process, and mostly they wait for it, not it for them, as making a batch
    takes less time than training on it. None with one core, for an epoch that is made at once, and on a GPU, which
    makes its own.
    """
    if cores < 2 or making.train.x.device.type != "cpu" or making.groups(WHOLE) < 2:
        return 0
    return min(cores, MOST_WORKERS)


class Ahead:
    """The batches of a trial, part by part. What comes out is what would be made of one index alone.

    Args:
        making: of the batches.
        workers: processes that make them; 0: they are made when they are taken, in this process. So they are, too, if
            workers die again and again.
        say: is told what happened, for people.
    """

    def __init__(self, making: Making, workers: int, say: Callable[[str], None]) -> None:
        self.making, self.say = making, say
        self._held: dict[Part, tuple[Place, dict[int, Batch]]] = {}  # the group of each part, and what is left of it
        self._stream: Stream[torch.Tensor] | None = None
        if workers:
            loading = SharedLoading(making, making.most, workers, say)
            self._stream = Stream(loading, making.groups, making.recipe.epochs, lambda group: [group])

    def take(self, epoch: int, index: int, part: Part) -> Batch:
        """A batch, handed out once; asked for again, it is made again, since who has it may change it."""
        group = Place(epoch, index // self.making.together(part), part)
        place, left = self._held.get(part, (None, {}))
        if place != group or index not in left:
            # Parts of a batch are asked for one after the other: what another part has of earlier ones is not needed.
            self._held = {p: held for p, held in self._held.items() if self._reaches(held[0], epoch, index)}
            self._held.pop(part, None)  # before the next is there: both would take memory
            left = self._made(group)
            self._held[part] = group, left
        return left.pop(index)

    def close(self) -> None:
        """End the workers, if there are any; who takes another batch begins new ones."""
        self._held.clear()
        if self._stream:
            self._stream.close()

    def _reaches(self, group: Place, epoch: int, index: int) -> bool:
        return group.epoch == epoch and self.making.indices(group).stop > index

    def _made(self, group: Place) -> dict[int, Batch]:
        x, y = self._streamed(group), self.making.labels(group)
        if x is None:
            x = self.making[group]
        indices = self.making.indices(group)
        size = len(y) // len(indices)
        return dict(zip(indices, zip(x.split(size), y.split(size), strict=True), strict=True))

    def _streamed(self, group: Place) -> torch.Tensor | None:
        """A group that workers have made; none: there are no workers, or no longer."""
        if self._stream is None:
            return None
        try:
            return self._stream.take(*group)
        except DataError as error:
            self._stream.close()
            self._stream = None
            self.say(f"batches are made without data workers from here: {error}")
            return None
