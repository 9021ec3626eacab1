"""How a run trains its trials, as far as a worker must know it. Light: it crosses to other processes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How a run trains its trials; none of it changes a result.

    Attributes:
        run: name of the run, its own each time.
        checkpoint_every: seconds of training between checkpoints within an epoch; one more after each epoch.
        step_timeout: seconds without a step after which a trial is taken to hang.
        data_root: folder of data sets; none: what the worker's own environment names.
        devices: that train a trial together, a process each.
        micro_batch: most pictures of one forward pass on a device; none: all of its share of the batch.
        compile: compile the models with `torch.compile`.
        on_cpu: train on the CPU even where there is a GPU.
        data_workers: processes that read pictures beside each process of a trial; 0: none.
    """

    run: str
    checkpoint_every: float = 60.0
    step_timeout: float = 600.0
    data_root: str | None = None
    devices: int = 1
    micro_batch: int | None = None
    compile: bool = False
    data_workers: int = 0
    on_cpu: bool = False
