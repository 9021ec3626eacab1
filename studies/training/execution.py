"""How a trial is executed: nothing here is part of what it is, or of its id. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Execution:
    """What a user may choose for a machine.

    Attributes:
        micro_batch: most pictures of one forward pass on a device; none: all of its share of the batch. Gradients are
            accumulated over the micro-batches of a step, so that the batch stays what the recipe says.
        compile: compile the model with `torch.compile`: minutes at the start, then faster steps on a GPU.
    """

    micro_batch: int | None = None
    compile: bool = False
