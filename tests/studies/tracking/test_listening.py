"""Events go to progress and trackers; whatever a tracker does, the run goes on."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from studies.tracking import listening
from studies.tracking.listening import Listening
from studies.tracking.tracker import Tracked
from studies.trials.results import EpochRecord


class Kept:
    """Progress, or a tracker, that keeps what it is told."""

    title, where, waits = "Kept", "here", True

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.threads: set[str] = set()

    def started(self, trial_id: str) -> None:
        self.told.append(("started", trial_id))

    def epoch(self, trial: Any, record: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.told.append(("epoch", getattr(trial, "id", trial), record["epoch"]))

    def done(self, trial_id: str, figures: Any, here: bool) -> None:
        self.told.append(("done", trial_id, here))

    def failed(self, trial_id: str, reason: str) -> None:
        self.told.append(("failed", trial_id, reason))

    def pruned(self, trial_id: str, epoch: int) -> None:
        self.told.append(("pruned", trial_id, epoch))

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        self.told.append(("held_elsewhere", *trials))

    def end(self, trial: Tracked, status: str, figures: Mapping[str, Any], reason: str) -> None:
        self.told.append(("end", trial.id, status, dict(figures), reason))

    def close(self) -> None:
        self.told.append(("close",))


class Broken(Kept):
    """A tracker that raises at its second event, what even a bare `except Exception` lets through."""

    error: BaseException = SystemExit("no more")

    def epoch(self, trial: Any, record: Any) -> None:
        super().epoch(trial, record)
        if record["epoch"] == 2:
            raise self.error


class Hanging(Kept):
    """A tracker that waits for a network that is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = threading.Event()

    def epoch(self, trial: Any, record: Any) -> None:
        self.answer.wait()


def tracked(trial_id: str) -> Tracked:
    return Tracked(trial_id, f"T2T, seed {trial_id}", "s", "tiny", "g", "a", 0, {"model.depth": 3})


def record(epoch: int) -> EpochRecord:
    return {"epoch": epoch, "top1": 50.0}  # type: ignore[typeddict-item]


def tell_everything(events: Listening) -> None:
    events.held_elsewhere(["9"])
    for trial in "012":
        events.started(trial)
        for epoch in (1, 2, 3):
            events.epoch(trial, record(epoch))
    events.done("0", {"top1": 90.0}, True)  # type: ignore[typeddict-item]
    events.failed("1", "the loss is nan")
    events.pruned("2", 3)
    events.done("3", {"top1": 80.0}, False)  # type: ignore[typeddict-item]


def test_progress_is_told_everything_and_a_tracker_what_this_run_trains() -> None:
    progress, tracker = Kept(), Kept()
    with Listening(progress, [tracker], tracked, lambda text: pytest.fail(text)) as events:
        tell_everything(events)
    epochs = [("epoch", trial, epoch) for trial in "012" for epoch in (1, 2, 3)]
    assert [one for one in progress.told if one[0] == "epoch"] == epochs
    assert progress.told[-4:] == [
        ("done", "0", True), ("failed", "1", "the loss is nan"), ("pruned", "2", 3), ("done", "3", False),
    ]  # fmt: skip
    assert tracker.told == [
        *epochs,
        ("end", "0", "done", {"top1": 90.0}, ""),
        ("end", "1", "failed", {}, "the loss is nan"),
        ("end", "2", "pruned", {}, "stopped early after epoch 3"),
        ("close",),
    ]
    assert progress.threads == {threading.current_thread().name}
    assert tracker.threads == {"tells Kept"}


def test_a_tracker_that_raises_is_told_no_more_and_the_others_are() -> None:
    progress, broken, tracker = Kept(), Broken(), Kept()
    said: list[str] = []
    with Listening(progress, [broken, tracker], tracked, said.append) as events:
        tell_everything(events)
    assert [one[2] for one in broken.told] == [1, 2]
    assert tracker.told[-1] == ("close",)
    assert len(progress.told) == 1 + 3 * 4 + 4
    assert said == ["Kept is told nothing more, and the run goes on: SystemExit: no more"]


def test_a_tracker_that_does_not_wait_is_told_in_the_thread_of_the_run_and_fails_as_alone() -> None:
    tracker, broken, said = Kept(), Broken(), list[str]()
    tracker.waits = broken.waits = False
    broken.error = OSError("no space left")
    with Listening(Kept(), [broken, tracker], tracked, said.append) as events:
        tell_everything(events)
    assert tracker.threads == {threading.current_thread().name}
    assert tracker.told[-1] == ("close",)
    assert [one[2] for one in broken.told] == [1, 2]
    assert said == ["Kept is told nothing more, and the run goes on: OSError: no space left"]


def test_a_tracker_that_hangs_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PATIENCE", 0.2)
    hanging, said = Hanging(), list[str]()
    with Listening(Kept(), [hanging], tracked, said.append) as events:
        tell_everything(events)
    hanging.answer.set()
    assert said == ["Kept is told nothing more, and the run goes on: it does not end within 0 s"]


def test_a_tracker_that_is_too_slow_is_given_up_before_memory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "WAITING", 3)
    hanging, said = Hanging(), list[str]()
    with Listening(Kept(), [hanging], tracked, said.append) as events:
        tell_everything(events)
        assert said == ["Kept is told nothing more, and the run goes on: it is too slow"]
        hanging.answer.set()


def test_the_end_of_a_run_that_was_stopped_closes_its_trackers() -> None:
    tracker = Kept()

    def stopped() -> None:
        with Listening(Kept(), [tracker], tracked, print) as events:
            events.epoch("0", record(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert tracker.told == [("epoch", "0", 1), ("close",)]
