"""What becomes of a trial on several devices when one of its processes ends before the trial does."""

from collections.abc import Callable
from dataclasses import replace

from studies.engine.events import reason
from studies.engine.options import Options
from studies.engine.team import MemberEndedError, Team
from studies.store.lessons import keep_micro_batch
from studies.store.store import Store
from studies.training.data.corrupt import DataError
from studies.training.errors import MemoryShortError, TrainingError

DEATHS = 2  # a trial one of whose processes ended goes on from its checkpoint so often


class Endings:
    """Counts how often processes of a trial have ended, and makes micro-batches smaller when memory was short.

    Args:
        batch_size: of the recipe.
        options: of the run.
        learnt: micro-batch that an earlier process has found to fit; none: none has.

    Attributes:
        options: of the next try.
        notes: for the record of the next epoch.
        micro_batches: in how many parts a process of the last try trained its share of a batch.
    """

    def __init__(self, batch_size: int, options: Options, learnt: int | None = None) -> None:
        if learnt:
            options = replace(options, micro_batch=min(learnt, options.micro_batch or learnt))
        self.batch_size, self.options = batch_size, options
        self.notes: list[str] = []
        self.micro_batches: Callable[[], int] = lambda: 1
        self._deaths = 0

    def smaller(self) -> int:
        """Pictures of a micro-batch of half the size."""
        return self.batch_size // (2 * self.options.devices * self.micro_batches())

    def settle(self, error: RuntimeError, team: Team) -> None:
        """Decide after an error of rank 0, which may be that of another process: return to try again.

        Raises:
            RuntimeError: the error itself if no other process is to blame.
            TrainingError: if another has found that the trial cannot go on.
            MemberEndedError: if one has ended too often.
        """
        from studies.training.parents import ParentError

        if team.options.devices == 1 or isinstance(error, ParentError | TrainingError | DataError):
            raise error  # every process would have it, or be ended by this one's
        is_known = isinstance(error, MemoryShortError | MemberEndedError)
        why = reason(error) if is_known else team.blame
        if why is None:
            raise error
        if says_memory_is_short(why):
            smaller = self.smaller()
            if smaller < 2:
                raise TrainingError(f"{why}: this model needs a larger device") from None
            self.options = replace(self.options, micro_batch=smaller)
            self.notes.append(
                f"out of memory: micro-batches of {smaller} pictures a device, the batch stays {self.batch_size}"
            )
            return
        if says_trial_failed(why):
            raise TrainingError(why) from None
        self._deaths += 1
        if self._deaths > DEATHS:
            raise MemberEndedError(f"{why}, {self._deaths} times") from None
        self.notes.append(f"{why}; went on from the last checkpoint")

    def leave_word(self, store: Store, trial_id: str, why: str) -> None:
        """What the next process must know, when this one has to end without settling why another one did."""
        if says_trial_failed(why) or (says_memory_is_short(why) and self.smaller() < 2):
            store.fail(trial_id, why, run=self.options.run)
        elif says_memory_is_short(why):
            keep_micro_batch(store, trial_id, self.smaller())


def says_memory_is_short(why: str) -> bool:
    """Whether a process says that it ended because it had too little memory."""
    return MemoryShortError.__name__ in why or "OutOfMemoryError" in why


def says_trial_failed(why: str) -> bool:
    """Whether a process says that it ended because the trial cannot go on, there or anywhere."""
    return any(f"{kind.__name__}:" in why for kind in (TrainingError, DataError))
