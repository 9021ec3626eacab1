"""Loaded pictures on their way to the device, where they are normalised.

timm's PrefetchLoader does the work: it copies a batch to the device and normalises it there while the one before is
trained.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from timm.data.loader import PrefetchLoader

from studies.training.data.loading import Loading
from studies.training.data.samples import Loaded
from studies.training.data.transforms import MEAN, STD


class Normalised:
    """Takes what a loading gives, and brings it to its device.

    Args:
        loading: of pictures (B, 3, H, W) uint8, labels (B,) and what was corrupt (n, 2).
    """

    def __init__(self, loading: Loading[Loaded]) -> None:
        self.loading = loading
        self._batches: Iterator[tuple[torch.Tensor, torch.Tensor]] = iter(())
        self._corrupt: deque[torch.Tensor] = deque()

    def begin(self, requests: Iterable[list[Any]]) -> None:
        """Load these from now on; what was loaded of earlier ones is dropped."""
        self._corrupt.clear()
        self.loading.begin(requests)
        self._batches = iter(PrefetchLoader(self._pairs(), MEAN, STD, device=self.loading.device))

    def take(self) -> Loaded | None:
        """The next batch, its pictures float32; None after the last.

        Raises:
            DataError: if it cannot be loaded.
        """
        batch = next(self._batches, None)
        return None if batch is None else (*batch, self._corrupt.popleft())

    def close(self) -> None:
        """End the workers."""
        self._batches = iter(())
        self._corrupt.clear()
        self.loading.close()

    def _pairs(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches as PrefetchLoader takes them, a pair each; what was corrupt is put aside."""
        while (batch := self.loading.take()) is not None:
            pictures, labels, corrupt = batch
            self._corrupt.append(corrupt)
            yield pictures, labels
