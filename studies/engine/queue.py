"""Which trial is trained next: longest first, after those it needs, none that another run has or has done."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studies.engine.events import Events
from studies.store.errors import DamagedError
from studies.store.leases import Patience, newest
from studies.store.store import Store
from studies.trials.results import EpochRecord
from studies.trials.trial import TrialSpec


@dataclass(frozen=True)
class Task:
    """A trial to train.

    Attributes:
        dead_lease: token of a lease on it whose holder is dead.
        may_stop: whether early stopping may end it: not if others need it.
        group: of arms, within which early stopping compares it.
    """

    trial: str
    dead_lease: str = ""
    may_stop: bool = True
    group: str = ""


class Queue:
    """The trials of a run that are not ended, over a store that other runs use too.

    Args:
        store: where their states are.
        trials: to be ended, those that others need among them.
        weights: how long each takes, in any unit.
        events: receives every trial that ends.
        run: name of this run.
        keep: trials that early stopping must not end.
        groups: group of arms of each trial, the first that has it.
        early_stop: whether what another run stops early meanwhile is ended; else it is trained on.
        judge: says after each epoch but the last whether a trial is to be stopped early; none: it is not.
    """

    def __init__(
        self,
        store: Store,
        trials: Sequence[TrialSpec],
        weights: Mapping[str, float],
        events: Events,
        run: str,
        keep: Collection[str] = (),
        early_stop: bool = False,
        groups: Mapping[str, str] | None = None,
        judge: Callable[[str, EpochRecord], bool] | None = None,
    ) -> None:
        self.store, self.events, self.run, self.early_stop = store, events, run, early_stop
        self.judge = judge
        self.keep, self.groups = set(keep), dict(groups or {})
        self.trials: dict[str, TrialSpec] = {}
        self.weights: dict[str, float] = {}
        self.failures: dict[str, dict[str, Any] | None] = {}
        self.stops: dict[str, dict[str, Any] | None] = {}
        self.needed: set[str] = set()  # by another trial
        self.trained: set[str] = set()  # of these: checked once
        self.waiting: list[str] = []
        self.open = False
        self.given: set[str] = set()
        self.lost: set[str] = set()  # failed, or in need of one that is
        self.early: set[str] = set()  # stopped early
        self.closed = False
        self.patience = Patience()
        self.last_look = 0.0
        self.add(trials, weights)

    def add(self, trials: Sequence[TrialSpec], weights: Mapping[str, float]) -> None:
        """Take more trials while the run goes on; those that are known already change nothing.

        One that was stopped early is given again, to be trained on.

        Args:
            trials: to be ended, those that others need among them or known already.
            weights: how long each takes, in the unit of the others.

        Raises:
            ValueError: if the queue is closed.
        """
        if self.closed:
            raise ValueError("the queue is closed: it takes no more trials")
        new = {trial.id: trial for trial in trials if trial.id not in self.trials or trial.id in self.early}
        self.early -= new.keys()
        self.lost -= new.keys()
        self.trials |= new
        self.needed |= {needed for trial in new.values() for needed in trial.needs}
        self.weights |= {trial_id: weights[trial_id] for trial_id in new}
        self.failures |= {trial_id: self.store.failure(trial_id) for trial_id in new}
        self.stops |= {trial_id: self.store.pruned(trial_id) for trial_id in new}
        waiting = {*self.waiting, *new}
        failed = [trial_id for trial_id, failure in self.failures.items() if failure]
        ordered = _ordered(list(self.trials.values()), self.weights, failed)
        self.waiting = [trial_id for trial_id in ordered if trial_id in waiting]
        self.last_look = 0.0

    def hold_open(self) -> None:
        """More trials will be added: the queue is not finished when it is empty, until `let_finish`."""
        self.open = True

    def let_finish(self) -> None:
        """No more trials will be added."""
        self.open = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to give or to wait for."""
        return self.closed or not (self.waiting or self.given or self.open)

    def close(self) -> None:
        """Give nothing more."""
        self.closed = True

    def next(self) -> Task | None:
        """A trial to train; None if there is none now: wait, or stop if the queue is `finished`."""
        if self.closed or not self.waiting or time.monotonic() - self.last_look < self.store.files.look_seconds:
            return None
        elsewhere = []
        for trial_id in list(self.waiting):
            if self._ended_meanwhile(trial_id) or not self._ready(trial_id):
                continue
            found = newest(self.store.files, trial_id)
            if found and found[1].run != self.run and not self.patience.dead(trial_id, *found):
                elsewhere.append(trial_id)
                continue
            self.waiting.remove(trial_id)
            self.given.add(trial_id)
            self.store.clear(trial_id)
            if not self.waiting:
                self.events.held_elsewhere([])
            may_stop = not (trial_id in self.keep or trial_id in self.needed)
            return Task(trial_id, found[1].token if found else "", may_stop, self.groups.get(trial_id, ""))
        self.last_look = time.monotonic()
        self.events.held_elsewhere(elsewhere)
        return None

    def done(self, trial_id: str, here: bool = True) -> None:
        """A trial is done; if its result is gone or damaged by now, it is to be trained again."""
        try:
            figures = self.store.figures(trial_id)
        except DamagedError:
            figures = None
        if figures is None:
            self.back(trial_id)
            return
        self._end(trial_id)
        self.events.done(trial_id, figures, here)

    def failed(self, trial_id: str, reason: str) -> None:
        """A trial failed, and with it those that need it."""
        self._end(trial_id)
        self.lost.add(trial_id)
        self.events.failed(trial_id, reason)

    def pruned(self, trial_id: str, epoch: int) -> None:
        """A trial was stopped early."""
        self._end(trial_id)
        self.lost.add(trial_id)
        self.early.add(trial_id)
        self.events.pruned(trial_id, epoch)

    def back(self, trial_id: str) -> None:
        """A trial was not trained after all: another run has it."""
        self.given.discard(trial_id)
        if trial_id not in self.waiting:
            self.waiting.append(trial_id)
        self.last_look = time.monotonic()

    def _end(self, trial_id: str) -> None:
        self.given.discard(trial_id)
        if trial_id in self.waiting:
            self.waiting.remove(trial_id)
        self.last_look = 0.0

    def _ready(self, trial_id: str) -> bool:
        """Whether all that a trial needs is done; it fails with what it needs."""
        for needed in self.trials[trial_id].needs:
            if needed in self.lost:
                self.failed(trial_id, f"trial {needed}, which it starts from, did not finish")
                return False
            if needed not in self.trained and not self.store.done(needed, weights=True):
                if needed not in self.trials:
                    self.failed(trial_id, f"trial {needed}, which it starts from, is not trained and not in this run")
                return False
            self.trained.add(needed)
        return True

    def _ended_meanwhile(self, trial_id: str) -> bool:
        """Whether another run has ended a trial since this one began."""
        if self.store.done(trial_id, weights=trial_id in self.needed):
            self.done(trial_id, here=False)
            return True
        failure = self.store.failure(trial_id)
        if failure and failure != self.failures[trial_id]:
            self.failed(trial_id, failure["reason"])
            return True
        stop = self.store.pruned(trial_id) if self.early_stop else None
        if stop and stop != self.stops[trial_id]:
            self.pruned(trial_id, stop.get("epoch", 0))
            return True
        return False


def _ordered(trials: Sequence[TrialSpec], weights: Mapping[str, float], failed: Sequence[str]) -> list[str]:
    """Longest first, what follows on a trial counted with it; those that failed before last."""
    rank = {trial.id: weights[trial.id] for trial in trials}
    for _ in trials:  # as deep as any chain of needs
        changed = False
        for trial in trials:
            for needed in trial.needs:
                longer = weights.get(needed, 0.0) + rank[trial.id]
                if needed in rank and rank[needed] < longer:
                    rank[needed], changed = longer, True
        if not changed:
            break
    return sorted(rank, key=lambda trial_id: (trial_id in failed, -rank[trial_id]))
