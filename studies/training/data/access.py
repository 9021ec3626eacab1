"""How a process gets at data sets: where they lie and how many processes read them. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataAccess:
    """Part of no trial: the same pictures come whatever it says.

    Attributes:
        root: folder of data sets; none: $STUDIES_DATA.
        workers: processes that read and augment pictures of files beside the training; 0: the training process itself
            does. Pictures in the memory of a CPU are augmented by as many threads, that of the training among them.
    """

    root: str | None = None
    workers: int = 0
