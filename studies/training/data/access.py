"""How a process gets at data sets: where they lie and how many processes read them. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataAccess:
    """Part of no trial: the same pictures come whatever it says.

    Attributes:
        root: folder of data sets; none: $STUDIES_DATA.
        workers: processes that read and augment pictures of files beside the training; 0: the training process itself
            does. For pictures in the memory of a CPU they are cores, see `studies.training.data.ahead.workers`.
    """

    root: str | None = None
    workers: int = 0
