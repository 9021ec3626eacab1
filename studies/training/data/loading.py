"""What data workers make, in the order in which it is asked for.

torch's DataLoader does the work. It keeps its workers from one series of requests to the next.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from multiprocessing import active_children
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from studies.training.data.corrupt import DataError

DEATHS = 3  # of data workers, without a batch between them, that a trial survives
NOTICE_SECONDS = 1.0  # until a process that has died is known to be dead

Taken = TypeVar("Taken")


class _Requests:
    """What DataLoader takes for a sampler of batches. It remembers what was asked for and has not come."""

    def __init__(self) -> None:
        self.open: deque[list[Any]] = deque()
        self.rest: Iterator[list[Any]] = iter(())

    def begin(self, requests: Iterable[list[Any]]) -> None:
        self.open.clear()
        self.rest = iter(requests)

    def again(self) -> None:
        self.rest = chain(tuple(self.open), self.rest)
        self.open.clear()

    def __iter__(self) -> Iterator[list[Any]]:
        for request in self.rest:
            self.open.append(request)
            yield request


class Loading(Generic[Taken]):
    """Loads batches ahead of who takes them.

    A worker that dies is noticed within seconds: the others are ended, new ones begin with what has not come yet. As
    each sample is a function of its request, nothing changes by it.

    Args:
        samples: made in the workers, a list for each request.
        collate: makes of such a list what is taken.
        workers: processes; 0: samples are made when they are asked for, in this process.
        device: that batches go to next.
        say: is told what happened, for people.
    """

    def __init__(
        self,
        samples: Dataset[Any],
        collate: Callable[[list[Any]], Taken],
        workers: int,
        device: torch.device,
        say: Callable[[str], None],
    ) -> None:
        self.samples, self.collate, self.workers, self.device, self.say = samples, collate, workers, device, say
        self._requests = _Requests()
        self._loader: DataLoader[Any] | None = None
        self._batches: Any = iter(())
        self._processes: list[Any] = []

    def begin(self, requests: Iterable[list[Any]]) -> None:
        """Load these from now on; what was loaded of earlier ones is dropped."""
        self._requests.begin(requests)
        self._restart()

    def take(self) -> Taken | None:
        """The next batch; None after the last.

        Raises:
            DataError: if workers die again and again, or one meets what it cannot read.
        """
        deaths = 0
        while True:
            try:
                batch = next(self._batches, None)
                break
            except torch.OutOfMemoryError:
                raise  # of the device: for the trainer to settle
            except Exception as error:
                # What a death looks like from here depends on what the worker did just then: a broken connection, say.
                sentinels = [process.sentinel for process in self._processes]
                if not (sentinels and wait(sentinels, NOTICE_SECONDS)):
                    raise DataError(_cause(error)) from error
                why = _cause(error)
            self.close()
            deaths += 1
            if deaths > DEATHS:
                hint = "out of memory, or of /dev/shm? fewer --data-workers need less"
                raise DataError(f"data workers died {deaths} times ({hint}): {why}")
            self.say("a data worker died and was replaced")
            self._requests.again()
            self._restart()
        if batch is None:
            return None
        self._requests.open.popleft()
        return batch

    def close(self) -> None:
        """End the workers."""
        self._batches, self._loader = iter(()), None  # the loader's iterator ends its workers when it goes
        self._processes = []

    def _restart(self) -> None:
        self._batches = iter(())  # goes first, so that the loader's iterator is free
        if self._loader is None:
            self._loader = DataLoader(
                self.samples,
                batch_sampler=self._requests,
                collate_fn=self.collate,
                num_workers=self.workers,
                persistent_workers=self.workers > 0,
                pin_memory=self.device.type == "cuda",
            )
        self._batches = self._loaded()

    def _loaded(self) -> Iterator[Taken]:
        yield from self._started()  # when the first is taken: what is raised then is settled there

    def _started(self) -> Iterator[Taken]:
        """The loader's iterator, made in a thread of its own.

        In the main thread torch would set a signal handler that raises the death of a worker wherever the training
        then stands, between two lines of an optimizer's step, say. Without it the death is raised by `next`.
        """
        index = torch.cuda.current_device() if self.device.type == "cuda" else None

        def start() -> Iterator[Taken]:
            if index is not None:
                torch.cuda.set_device(index)  # each thread has its own: pinned memory is of this device
            assert self._loader is not None
            return iter(self._loader)

        if not self.workers:
            return start()
        before = active_children()
        begun = _in_a_thread(start)
        self._processes += [process for process in active_children() if process not in before]
        return begun


def _in_a_thread(work: Callable[[], Iterator[Taken]]) -> Iterator[Taken]:
    """What a function gives, called in a thread. No pool's: a process forked there would wait for it at its end."""
    given: list[Iterator[Taken]] = []
    raised: list[BaseException] = []

    def call() -> None:
        try:
            given.append(work())
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=call, name="starts data workers")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return given[0]


def _cause(error: Exception) -> str:
    """What went wrong, without the traceback that DataLoader writes into the message."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
