"""How a trial is executed: nothing here is part of what it is, or of its id. No torch here."""

from dataclasses import dataclass, field

from studies.training.data.access import DataAccess


@dataclass(frozen=True)
class Execution:
    """What a user may choose for a machine.

    Attributes:
        micro_batch: most pictures of one forward pass on a device; none: all of its share of the batch. Gradients are
            accumulated over the micro-batches of a step, so that the batch stays what the recipe says.
        access: where data lie, and how many processes read them.
        compile: compile the model with `torch.compile`: minutes at the start, then faster steps on a GPU.
    """

    micro_batch: int | None = None
    compile: bool = False
    access: DataAccess = field(default_factory=DataAccess)


def micro_batches(batch_size: int, devices: int = 1, most: int | None = None) -> int:
    """In how few equal parts, of at most so many pictures, a device trains its share of a batch.

    Raises:
        ValueError: if the batch cannot be cut so.
    """
    if batch_size % devices or (devices > 1 and batch_size % (2 * devices)):
        raise ValueError(
            f"recipe.batch_size {batch_size} cannot be shared by {devices} devices, each with an even number of "
            f"pictures; {max(1, round(batch_size / (2 * devices))) * 2 * devices} would work"
        )
    share = batch_size // devices
    if most is None or share <= most:
        return 1
    found = next((n for n in range(2, share // 2 + 1) if share % (2 * n) == 0 and share // n <= most), None)
    if found is None:
        raise ValueError(f"{share} pictures cannot be cut into equal micro-batches of an even number up to {most}")
    return found
