"""Tensors from data workers, in memory that is shared with them before they begin and used again and again.

DataLoader itself takes new memory for each tensor. The kernel hands that out page by page, which for a thousand
pictures of 32 x 32 takes half as long as to augment them. It counts as /dev/shm besides, of which containers often have
64 MB.
"""

import mmap
import multiprocessing
import weakref
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from studies.training.data.loading import Loading

AHEAD = 2  # requests that DataLoader gives each worker at a time
TAKEN = 2  # tensors that who takes them mostly has: the last one, and the next

_Filled = tuple[int, torch.Size]  # which piece of memory has the tensor, and its shape


class SharedLoading:
    """Loads float32 tensors as `Loading` does, each asked for by a request of one.

    A piece of memory is used again when nothing is left of the tensor that was there: no view either. If no piece is
    free, and where workers are not forked, a tensor comes as DataLoader sends it.

    Args:
        samples: the tensors by request, made in the workers.
        most: numbers of one tensor.
        workers: processes, at least 1.
        say: is told what happened, for people.
    """

    def __init__(self, samples: Dataset[torch.Tensor], most: int, workers: int, say: Callable[[str], None]) -> None:
        self.samples, self.most, self.workers, self.say = samples, most, workers, say
        self._loading: Loading[torch.Tensor | _Filled] | None = None
        self._pieces: list[np.ndarray] = []
        self._free: list[int] = []
        self._given: set[int] = set()  # to requests that have not been answered

    def begin(self, requests: Iterable[list[Any]]) -> None:
        """Load these from now on; what was loaded of earlier ones is dropped."""
        if self._loading is None:
            self._pieces = _pieces(AHEAD * self.workers + TAKEN, self.most)
            self._free = list(range(len(self._pieces)))
            filling = _Filling(self.samples, self._pieces)
            self._loading = Loading(filling, itemgetter(0), self.workers, torch.device("cpu"), self.say)
        self._free += self._given  # given anew when the workers have finished with these: DataLoader waits for that
        self._given.clear()
        self._loading.begin([(request, self._piece())] for (request,) in requests)

    def take(self) -> torch.Tensor | None:
        """The next tensor; None after the last.

        Raises:
            DataError: if workers die again and again, or one meets what it cannot make.
        """
        made = self._loading.take() if self._loading else None
        return self._tensor(*made) if isinstance(made, tuple) else made

    def close(self) -> None:
        """End the workers."""
        if self._loading:
            self._loading.close()
        self._loading, self._pieces, self._free = None, [], []
        self._given.clear()

    def _piece(self) -> int | None:
        if not self._free:
            return None
        piece = self._free.pop()
        self._given.add(piece)
        return piece

    def _tensor(self, piece: int, shape: torch.Size) -> torch.Tensor:
        self._given.remove(piece)
        memory = self._pieces[piece][: shape.numel()]  # an object of its own, which the tensor and its views keep
        weakref.finalize(memory, self._free.append, piece).atexit = False
        return torch.from_numpy(memory).view(shape)


class _Filling(Dataset["torch.Tensor | _Filled"]):
    """Writes tensors into pieces of memory."""

    def __init__(self, samples: Dataset[torch.Tensor], pieces: list[np.ndarray]) -> None:
        self.samples, self.pieces = samples, pieces

    def __getitem__(self, asked: tuple[Any, int | None]) -> "torch.Tensor | _Filled":
        request, piece = asked
        made = self.samples[request]
        if piece is None:
            return made
        torch.from_numpy(self.pieces[piece])[: made.numel()].view(made.shape).copy_(made)
        return piece, made.shape


def _pieces(count: int, most: int) -> list[np.ndarray]:
    """Float32 memory, each piece of so many numbers, that is shared with processes forked from here; else none."""
    if multiprocessing.get_start_method() != "fork":
        return []
    memory = mmap.mmap(-1, count * most * 4)
    return list(np.frombuffer(memory, dtype=np.float32).reshape(count, most))
