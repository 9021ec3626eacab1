"""The events of a run, passed on to trackers: what one raises is its own, and what waits has a thread of its own."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from studies.engine.events import Events, reason
from studies.tracking.tracker import Tracked, Tracker
from studies.trials.results import EpochRecord, Figures

PATIENCE = 30.0  # seconds that the end of a run waits for a tracker
WAITING = 100_000  # events that wait for a slow tracker; more are dropped with it


class Listening:
    """Events that go to the progress of a run first, then to its trackers.

    A tracker that raises is told nothing more, and the run says so once. Use it as a context: its end waits for the
    trackers, but not for ever.

    Args:
        events: that all is passed on to.
        trackers: that are told.
        trial: what trackers show of a trial by its id.
        say: is told of a tracker that failed, for people.
    """

    def __init__(
        self,
        events: Events,
        trackers: Sequence[Tracker],
        trial: Callable[[str], Tracked],
        say: Callable[[str], None],
    ) -> None:
        self.events, self.trial = events, trial
        self._listeners = [_Waiting(one, say) if one.waits else _Listener(one, say) for one in trackers]

    def __enter__(self) -> "Listening":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._listeners:
            one.end()
        for one in self._listeners:
            one.wait(PATIENCE)

    def started(self, trial_id: str) -> None:
        """Trackers begin a trial with its first epoch."""
        self.events.started(trial_id)

    def epoch(self, trial_id: str, record: EpochRecord) -> None:
        """An epoch of a trial is trained."""
        self.events.epoch(trial_id, record)
        self._tell("epoch", trial_id, dict(record))

    def done(self, trial_id: str, figures: Figures, here: bool) -> None:
        """A trial is done; one that another run trained is told by the trackers of that run."""
        self.events.done(trial_id, figures, here)
        if here:
            self._end(trial_id, "done", figures)

    def failed(self, trial_id: str, reason: str) -> None:
        """A trial failed."""
        self.events.failed(trial_id, reason)
        self._end(trial_id, "failed", why=reason)

    def pruned(self, trial_id: str, epoch: int) -> None:
        """Early stopping has ended a trial."""
        self.events.pruned(trial_id, epoch)
        self._end(trial_id, "pruned", why=f"stopped early after epoch {epoch}")

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        """These trials are trained by other runs now."""
        self.events.held_elsewhere(trials)

    def _end(self, trial_id: str, status: str, figures: Mapping[str, Any] | None = None, why: str = "") -> None:
        self._tell("end", trial_id, status, dict(figures or {}), why)

    def _tell(self, what: str, trial_id: str, *arguments: Any) -> None:
        if self._listeners:
            trial = self.trial(trial_id)
            for one in self._listeners:
                one.tell(what, trial, *arguments)


class _Listener:
    """A tracker that is told at once."""

    def __init__(self, tracker: Tracker, say: Callable[[str], None]) -> None:
        self.tracker, self.say = tracker, say
        self._failed = False

    def tell(self, what: str, *arguments: Any) -> None:
        if not self._failed:
            try:
                getattr(self.tracker, what)(*arguments)
            except Exception as error:
                self._fail(reason(error))

    def end(self) -> None:
        """After what it was told so far."""
        self.tell("close")

    def wait(self, seconds: float) -> None:
        """Until it has ended."""

    def _fail(self, why: str) -> None:
        if not self._failed:
            self._failed = True
            self.say(f"{self.tracker.title} is told nothing more, and the run goes on: {why}")


class _Waiting(_Listener):
    """A tracker in a thread of its own."""

    def __init__(self, tracker: Tracker, say: Callable[[str], None]) -> None:
        super().__init__(tracker, say)
        self._events: queue.Queue[tuple[Any, ...] | None] = queue.Queue(WAITING)
        # Not waited for when the process ends: a tracker that hangs would hold it.
        self._thread = threading.Thread(target=self._listen, name=f"tells {tracker.title}", daemon=True)
        self._thread.start()

    def tell(self, what: str, *arguments: Any) -> None:
        self._put((what, *arguments))

    def end(self) -> None:
        """After what it was told so far."""
        self._put(None)

    def wait(self, seconds: float) -> None:
        """Until it has ended, at most so long."""
        if not self._failed:
            self._thread.join(seconds)
            if self._thread.is_alive():
                self._fail(f"it does not end within {seconds:.0f} s")

    def _put(self, event: tuple[Any, ...] | None) -> None:
        if not self._failed:
            try:
                self._events.put_nowait(event)
            except queue.Full:
                self._fail("it is too slow")

    def _listen(self) -> None:
        try:
            while event := self._events.get():
                what, *arguments = event
                getattr(self.tracker, what)(*arguments)
                if self._failed:
                    return
            self.tracker.close()
        except BaseException as error:  # whatever it is, the run goes on
            self._fail(reason(error))
