"""What came of a run."""

from dataclasses import dataclass
from pathlib import Path

from studies.api.progress import Progress
from studies.engine.events import RayDiedError, StoppedError
from studies.planning.plan import Plan
from studies.store.files import StoreError


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        progress: what was trained; none: every trial was done already.
        ended: what ended it before all was done.
        page: that was written, if one was asked for.
    """

    plan: Plan
    progress: Progress | None = None
    ended: StoppedError | RayDiedError | StoreError | None = None
    page: Path | None = None
