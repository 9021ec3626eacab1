"""What a tracker is told of the trials of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from studies.trials.results import EpochRecord

METRICS = ("top1", "top5", "loss", "train_loss", "lr", "images_per_second")  # of an epoch
FIGURES = ("top1", "top5", "loss", "params", "macs", "seconds", "peak_memory_mb")  # of a trial that is done


@dataclass(frozen=True)
class Tracked:
    """A trial, as trackers show it.

    Attributes:
        id: of the trial; a trial that goes on later goes on under it.
        name: for people: `T2T-ViT-14, seed 0`.
        study: name of the study, or of the search.
        scale: name of the scale.
        group: of the arm.
        arm: that it belongs to.
        seed: of the trial.
        config: what it was asked for, dotted names and plain values.
    """

    id: str
    name: str
    study: str
    scale: str
    group: str
    arm: str
    seed: int
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """What trials are found by."""
        names = {"trial": self.id, "study": self.study, "scale": self.scale, "group": self.group, "arm": self.arm}
        return {key: value for key, value in (names | {"seed": str(self.seed)}).items() if value}


class Tracker(Protocol):
    """Keeps what it is told, in a place of its own. Each is called in one thread, and may raise anything.

    Attributes:
        title: its name, for people.
        where: what it writes to, for people.
        waits: whether it may wait for something, so that it has a thread of its own.
    """

    title: str
    where: str
    waits: bool

    def epoch(self, trial: Tracked, record: EpochRecord) -> None:
        """An epoch of a trial is trained; the first that is told of it need not be its first."""

    def end(self, trial: Tracked, status: str, figures: Mapping[str, Any], reason: str) -> None:
        """A trial is `done`, `failed` or `pruned`; figures of one that is done, and why one failed."""

    def close(self) -> None:
        """The run is over; trials that have not ended may go on in another."""


def chosen(record: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    """The numbers of a record that have these names."""
    return {name: float(record[name]) for name in names if isinstance(record.get(name), int | float)}
