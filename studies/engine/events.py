"""What a run tells of its trials while it goes on, and the errors that end a trial or a run before its end."""

from collections.abc import Sequence
from typing import Protocol

from studies.trials.results import EpochRecord, Figures


class Events(Protocol):
    """What a run tells of its trials while it goes on."""

    def started(self, trial_id: str) -> None:
        """A worker has taken a trial; the first epoch is not trained yet."""

    def epoch(self, trial_id: str, record: EpochRecord) -> None:
        """An epoch of a trial is trained."""

    def done(self, trial_id: str, figures: Figures, here: bool) -> None:
        """A trial is done; `here`: by this run."""

    def failed(self, trial_id: str, reason: str) -> None:
        """A trial failed."""

    def pruned(self, trial_id: str, epoch: int) -> None:
        """Early stopping has ended a trial after an epoch."""

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        """These trials are trained by other runs now."""


class LeaseLostError(Exception):
    """Another run trains the trial."""


class StoppedError(Exception):
    """The trial was asked to stop; it is saved as it stands."""


class RayDiedError(Exception):
    """Ray is gone and cannot be asked to leave; so the process must end."""


class TrialFailedError(Exception):
    """The trial has failed already in this run; the message is the reason."""


def reason(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
