"""A loop over a queue whose trials are trained by the test, in no time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from queues import RESULT, Told, given_by
from searches import accuracy

from studies.engine.queue import Queue
from studies.searching.loop import Loop, Wanted
from studies.searching.search import Search
from studies.store.store import Store


class Run:
    """A loop over a queue whose trials are trained by the test, in no time."""

    def __init__(self, root: Path, wanted: Sequence[Wanted], at_a_time: int = 1) -> None:
        self.store = Store(root)
        self.store.files.look_seconds = 0.0
        self.told, self.shown = Told(), []
        self.told.started = lambda trial_id: None  # type: ignore[attr-defined]
        self.loop = Loop(self.store, self.told, at_a_time, lambda *shown: self.shown.append(shown))  # type: ignore[arg-type]
        self.queue = Queue(self.store, [], {}, self.loop, "ours")
        self.wanted = wanted
        self.loop.begin(self.queue, wanted)

    def give(self) -> str | None:
        return given_by(self.queue)

    def finish(self, trial_id: str) -> None:
        top1 = {c.trial.id: accuracy(c) for w in self.wanted for c in w.search.running.values()}[trial_id]
        result: Any = RESULT | {"top1": top1}
        self.store.finish(trial_id, result, b"weights")
        self.queue.done(trial_id)

    def drain(self) -> int:
        trained = 0
        while not self.queue.finished:
            trial_id = self.give()
            if trial_id is not None:
                self.finish(trial_id)
                trained += 1
        return trained


def states(search: Search) -> list[TrialState]:
    return [trial.state for trial in search.study.trials]
