"""The processes that train one trial together, one a device."""

from dataclasses import dataclass

import torch
import torch.distributed as dist

from studies.training.data.part import Part


@dataclass(frozen=True)
class Ranks:
    """This process among those that train a trial together; where there are several, `torch.distributed` is set up.

    Attributes:
        rank: of this process; 0 keeps the lease, the checkpoints and the result.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def part(self) -> Part:
        """The part of every batch that this process trains."""
        return Part(self.rank, self.size)

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place; every process must ask."""
        if self.size > 1:
            dist.all_reduce(values)
        return values


ALONE = Ranks()
