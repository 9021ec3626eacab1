"""Batches made before they are asked for: a few at once, and where a trial has cores to spare, in threads beside it.

Small pictures are augmented faster by the thousand than by the hundred. Other cores help by making other batches, not
by sharing the operations of one: these are so short that their threads mostly wait for each other.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import torch

from studies.training.data.part import Part
from studies.training.evaluation import Batch

AREA = 2**20  # pixels of the pictures that are made at once
MOST_THREADS = 4  # Python lets few work at a time, and what is made ahead takes memory

Make = Callable[[range], list[Batch]]  # the batches of some indices


class Ahead:
    """The next batches of an epoch, part by part. What comes out is what `make` gives for one index alone.

    Args:
        threads: that make batches beside the one that takes them; it makes batches too, rather than wait. None of them
            shares an operation with others. What they make is to be on the CPU.
    """

    def __init__(self, threads: int = 0) -> None:
        self.threads = min(threads, MOST_THREADS)
        self._pool: ThreadPoolExecutor | None = None
        self._key: object = None
        self._coming: dict[Part, deque[_Group]] = {}

    def take(self, key: object, part: Part, index: int, stop: int, area: int, make: Make) -> Batch:
        """A batch, handed out once; asked for again, it is made again, since who has it may change it.

        Args:
            key: of what the batches are made; another key, and all that was made is dropped.
            part: of every batch.
            index: of the batch.
            stop: one past the last batch of the epoch.
            area: pixels of one batch's pictures.
            make: makes the batches of a range of indices, in any thread; a function of the key, the part and these.
        """
        if key != self._key:
            self._drop(*self._coming)
            self._key = key
        # Parts of a batch are asked for one after the other: what another part has of earlier ones is not needed.
        self._drop(*(p for p, groups in self._coming.items() if groups[-1].indices.stop <= index))
        groups = self._coming.get(part, deque())
        while groups and groups[0].indices.stop <= index:
            groups.popleft()
        if not groups or index not in groups[0].left:
            self._drop(part)
            groups = deque()
        self._coming[part] = groups
        following = ranges(groups[-1].indices.stop if groups else index, stop, max(1, AREA // area))
        while len(groups) < (self.threads + 2 if self.threads else 1) and (indices := next(following, None)):
            groups.append(_Group(indices, make))
            if self.threads:
                groups[-1].task = self._threads().submit(groups[-1].make)
        return self._first(groups).take(index)

    def close(self) -> None:
        """End the threads, if there are any; who takes another batch begins new ones."""
        self._drop(*self._coming)
        if self._pool:
            self._pool.shutdown()
            self._pool = None

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, "ahead", torch.set_num_threads, (1,))
        return self._pool

    def _first(self, groups: "deque[_Group]") -> "_Group":
        """The first of some groups, made; while another thread makes it, this one makes another."""
        first = groups[0]
        if not first.is_made and not first.make(wait=False):
            with suppress(Exception):  # raised again where these batches are asked for
                any(group.make(wait=False) for group in groups)
            first.make()
        return first

    def _drop(self, *parts: Part) -> None:
        for part in parts:
            for group in self._coming.pop(part, ()):
                if group.task:
                    group.task.cancel()


class _Group:
    """Batches in a row, made once, by the thread that comes first.

    Attributes:
        indices: of the batches.
        left: indices of those that nobody has taken.
        task: that is to make them; none: whoever takes them does.
    """

    def __init__(self, indices: range, make: Make) -> None:
        self.indices, self.left = indices, set(indices)
        self.task: Future[bool] | None = None
        self._make, self._batches, self._lock = make, dict[int, Batch](), threading.Lock()
        self.is_made = False

    def make(self, wait: bool = True) -> bool:
        """Make the batches, unless they are made; whether this thread made them.

        Args:
            wait: for another thread that makes them.
        """
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            if self.is_made:
                return False
            self._batches = dict(zip(self.indices, self._make(self.indices), strict=True))
            self.is_made = True
            return True
        finally:
            self._lock.release()

    def take(self, index: int) -> Batch:
        """One of the batches that were made, and are left."""
        self.left.remove(index)
        return self._batches.pop(index)


def ranges(index: int, stop: int, together: int) -> Iterator[range]:
    """The indices from one to `stop`, cut where they are multiples of `together`."""
    while index < stop:
        end = min(stop, index - index % together + together)
        yield range(index, end)
        index = end
