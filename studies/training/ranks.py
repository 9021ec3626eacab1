"""The processes that train one trial together, one a device."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from studies.training.data.part import Part

if TYPE_CHECKING:
    import torch
    import torch.distributed as dist
    from torch import nn

T = TypeVar("T")
TIMEOUT = timedelta(minutes=30)  # of one exchange between processes, an evaluation by one of them included


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

    def summed(self, values: "torch.Tensor") -> "torch.Tensor":
        """The sum over all processes, in place; every process must ask."""
        if self.size > 1:
            import torch.distributed as dist

            dist.all_reduce(values)
        return values

    def gathered(self, found: T) -> list[T]:
        """What each process has found, rank by rank; every process must ask."""
        if self.size == 1:
            return [found]
        import torch.distributed as dist

        everything: list[T] = [found] * self.size
        dist.all_gather_object(everything, found)
        return everything

    def share_buffers(self, module: "nn.Module") -> None:
        """Give all processes the buffers of rank 0, in place: running statistics of batch norms, say."""
        if self.size > 1:
            import torch.distributed as dist

            for buffer in module.buffers():
                dist.broadcast(buffer, 0)


ALONE = Ranks()


def join(store: "dist.Store", rank: int, size: int, device: str) -> Ranks:
    """Set up `torch.distributed` over a store that all processes of a trial see; waits for all of them."""
    import torch.distributed as dist

    backend = "nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=TIMEOUT)
    return Ranks(rank, size)


def leave() -> None:
    """Undo `join`."""
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()
