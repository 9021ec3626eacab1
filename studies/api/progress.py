"""Live progress of a run: a bar and the running trials on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from studies.api.wording import duration
from studies.trials.results import EpochRecord, Figures
from studies.trials.trial import TrialSpec

EVERY = 5.0  # seconds between two lines of a running trial; with more than so many, a line a second of all


def _epoch(record: EpochRecord, epochs: int) -> str:
    return f"epoch {record['epoch']}/{epochs}, top-1 {record['top1']:.1f} %"


class Progress:
    """Events of a run, shown as they come.

    `weights` says how much work an epoch of each trial is, in any unit; the time left follows from it. Trials may be
    added while the run goes on; `expected` says how many there will be.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        trials: list[TrialSpec],
        weights: Mapping[str, float],
        stream: TextIO | None = None,
        expected: int = 0,
    ) -> None:
        self.names, self.weights, self.expected = dict(names), dict(weights), expected
        self.epochs = {trial.id: trial.recipe.epochs for trial in trials}
        self.work = {i: weights[i] * n for i, n in self.epochs.items()}
        self.known, self.over = sum(self.work.values()), 0.0  # of it: in all, and of what has ended
        self.running: dict[str, EpochRecord | None] = {}  # None before the first epoch
        self.told: dict[str, float] = {}  # when the last line of a running trial was printed
        self.finished: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.early: dict[str, int] = {}
        self.others: set[str] = set()
        self.worked = 0.0
        self.training_seconds = 0.0
        self.start = time.monotonic()
        self.console = Console(file=stream or sys.stderr, highlight=False)
        self.live = Live(self._view(), console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Progress":
        self.start = time.monotonic()
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, trial: TrialSpec, name: str, weight: float) -> None:
        """One trial more."""
        self.names[trial.id], self.weights[trial.id] = name, weight
        self.epochs[trial.id] = trial.recipe.epochs
        self.known += weight * trial.recipe.epochs - self.work.get(trial.id, 0.0)
        self.work[trial.id] = weight * trial.recipe.epochs

    def started(self, trial_id: str) -> None:
        """A worker has taken a trial."""
        self.running.setdefault(trial_id, None)
        self._tell(trial_id, "started")
        self._refresh()

    def epoch(self, trial_id: str, record: EpochRecord) -> None:
        """An epoch of a trial is trained."""
        self.running[trial_id] = record
        if not self.worked:  # Ray's start is no measure of the pace
            self.start = time.monotonic() - record["seconds"]
        self.worked += self.weights[trial_id]
        self.training_seconds += record["seconds"]
        last = record["epoch"] == self.epochs[trial_id]  # which `done` tells
        quiet = time.monotonic() - self.told.setdefault(trial_id, time.monotonic())
        if not last and quiet >= max(EVERY, len(self.running)):
            self._tell(trial_id, _epoch(record, self.epochs[trial_id]))
        for note in record.get("notes", ()):
            self.say(f"{self.names[trial_id]}: {note}")
        self._refresh()

    def done(self, trial_id: str, figures: Figures, here: bool = True) -> None:
        """A trial is done, by this run or another one."""
        self._end(trial_id)
        if not here:
            self.worked += self.work[trial_id]
        self.finished[trial_id] = f"top-1 {figures['top1']:.1f} %" + ("" if here else ", by another run")
        self._line(f"{self.names[trial_id]}: {self.finished[trial_id]}")

    def failed(self, trial_id: str, reason: str) -> None:
        """A trial failed."""
        self._end(trial_id)
        self.failures[trial_id] = reason
        self._line(f"{self.names[trial_id]}: failed, {reason}")

    def pruned(self, trial_id: str, epoch: int) -> None:
        """Early stopping has ended a trial."""
        record = self._end(trial_id)
        self.early[trial_id] = epoch
        top1 = f" at top-1 {record['top1']:.1f} %" if record else ""
        self._line(f"{self.names[trial_id]}: stopped early after epoch {epoch}/{self.epochs[trial_id]}{top1}")

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        """These trials are trained by other runs now."""
        if set(trials) != self.others:
            self.others = set(trials)
            for trial_id in trials:  # one that a worker gave back
                self.running.pop(trial_id, None)
            if trials and not self.running:
                self.say(f"waiting for what other runs train: {', '.join(self.names[i] for i in trials)}")
        self._refresh()

    def say(self, text: str) -> None:
        """A line of its own."""
        self.console.print(Text(text), soft_wrap=True)

    def close(self) -> None:
        """Give the terminal back; for a process that leaves at once."""
        if self.console.is_terminal:
            self.live.stop()

    @property
    def total(self) -> int:
        """How many trials there are, or will be."""
        return max(self.expected, len(self.epochs))

    @property
    def ended(self) -> int:
        """How many trials are done, failed or stopped early."""
        return len(self.finished) + len(self.failures) + len(self.early)

    def left(self) -> float | None:
        """Seconds until the rest is trained at the pace so far; None before the first epoch."""
        unknown = (self.total - len(self.work)) * self.known / max(1, len(self.work))  # as much a trial as the others
        open_work = self.known + unknown - self.over
        open_work -= sum(self.weights[i] * r["epoch"] for i, r in self.running.items() if r)
        elapsed = time.monotonic() - self.start
        return max(0.0, open_work) * elapsed / self.worked if self.worked else None

    def summary(self) -> str:
        """Counts and the time left, in one line."""
        left = self.left()
        waiting = self.total - self.ended - len(self.running)
        text = f"{len(self.finished)}/{self.total} done, {len(self.running)} running, {waiting} waiting"
        text += f", {len(self.failures)} failed"
        text += f", {len(self.early)} stopped early" if self.early else ""
        text += f", {len(self.others)} in other runs" if self.others else ""
        return text + (f", about {duration(left)} left" if left is not None and left > 0 else "")

    def _end(self, trial_id: str) -> EpochRecord | None:
        """A trial runs no more; its last epoch."""
        self.over += self.work[trial_id]
        return self.running.pop(trial_id, None)

    def _line(self, text: str) -> None:
        mark = f"[{self.ended}/{self.total}]"
        left = self.left()
        tail = f"  (about {duration(left)} left)" if left else ""
        self.console.print(Text(f"{mark} {text}{tail}"), soft_wrap=True)
        self._refresh()

    def _tell(self, trial_id: str, text: str) -> None:
        """A line of a running trial, where no live view shows it."""
        self.told[trial_id] = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(Text(f"{self.names[trial_id]}: {text}"), soft_wrap=True)

    def _refresh(self) -> None:
        if self.console.is_terminal:
            self.live.update(self._view())

    def _view(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for trial_id, record in self.running.items():
            stands = _epoch(record, self.epochs[trial_id]) if record else "started"
            table.add_row(Text(f"  {self.names[trial_id]}"), *stands.split(", "))
        return Group(table, Text(self.summary(), style="bold"))
