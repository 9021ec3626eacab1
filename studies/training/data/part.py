"""Which rows of a global batch one device trains, or one of its micro-batches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Part:
    """One of `count` equal parts of every batch; the parts of a batch are disjoint and together are all of it.

    A part takes its rows from both ends of the batch: picture i and picture B - 1 - i are always in one part, in
    mirrored places. Mixup and cutmix mix these two (timm's `Mixup`), so that a part can be mixed by itself and gets
    the pictures that it would have in the whole batch.
    """

    index: int = 0
    count: int = 1

    def rows(self, size: int) -> "torch.Tensor":
        """Its rows in a batch of `size`: (size / count,) int64, in order.

        Raises:
            ValueError: if the batch cannot be cut into such parts.
        """
        import torch

        if self.count == 1:
            return torch.arange(size)
        if size % (2 * self.count):
            raise ValueError(f"a batch of {size} pictures cannot be cut into {self.count} parts of an even number each")
        half = size // (2 * self.count)
        first = torch.arange(self.index * half, (self.index + 1) * half)
        return torch.cat((first, size - 1 - first.flip(0)))

    def split(self, count: int) -> list["Part"]:
        """This part in `count` smaller ones."""
        return [Part(self.index * count + i, self.count * count) for i in range(count)]


WHOLE = Part()
