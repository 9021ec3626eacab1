"""How the engine trains one trial in this process: failures, wishes to stop, checkpoints, take-overs."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from trainings import finish, numbers, trial

from studies.engine import saver
from studies.engine.events import LeaseLostError, StoppedError, TrialFailedError, reason
from studies.engine.inline import run_inline
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.engine.worker import train
from studies.store.checkpoints import save_checkpoint
from studies.store.leases import acquire, newest
from studies.store.store import Store
from studies.training.errors import TrainingError
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec


class Told:
    """Events of a run, kept."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    def started(self, trial_id: str) -> None: ...

    def epoch(self, trial_id: str, record: dict) -> None: ...

    def done(self, trial_id: str, result: dict, here: bool) -> None:
        self.ended[trial_id] = "done"

    def failed(self, trial_id: str, reason: str) -> None:
        self.ended[trial_id] = reason

    def pruned(self, trial_id: str, epoch: int) -> None: ...

    def held_elsewhere(self, trials: Sequence[str]) -> None: ...


DIVERGES = {"lr": 1000.0, "weight_decay": 1000.0}  # a step multiplies the weights by a million


def run(store: Store, *trials: TrialSpec) -> dict[str, str]:
    """Train trials inline; how each ended."""
    for asked in trials:
        store.plan(asked)
    told = Told()
    queue = Queue(store, trials, {asked.id: 1.0 for asked in trials}, told, "run")
    run_inline(store, queue, Options("run"), threading.Event())
    return told.ended


def test_a_loss_that_is_no_number_fails_the_trial_alone(scale: Scale, tmp_path: Path) -> None:
    store = Store(tmp_path)
    bad, good = trial(scale, seed=1, **DIVERGES), trial(scale, seed=2)
    told = run(store, bad, good)
    assert told[good.id] == "done"
    assert "TrainingError" in told[bad.id]
    assert "lower lr" in told[bad.id]
    assert store.state(bad.id) == "failed"
    assert store.state(good.id) == "done"
    failure = store.failure(bad.id)
    assert failure is not None
    assert "Traceback" in Path(failure["traceback"]).read_text()


def test_a_trial_that_failed_is_not_tried_again_in_the_same_run(scale: Scale, tmp_path: Path) -> None:
    store, bad = Store(tmp_path), trial(scale, seed=1, **DIVERGES)
    run(store, bad)
    with pytest.raises(TrialFailedError, match="lower lr"):
        list(train(store, bad.id, Options("run")))
    with pytest.raises(TrainingError):
        list(train(store, bad.id, Options("another run")))


def test_a_generator_that_is_dropped_leaves_a_checkpoint_to_go_on_from(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale, epochs=3), Store(tmp_path)
    store.plan(asked)
    records = train(store, asked.id, Options("run"))
    next(records)
    assert store.state(asked.id) == "running"
    records.close()
    assert store.state(asked.id) == "planned"
    rest = list(train(store, asked.id, Options("run")))
    assert [record["epoch"] for record in rest] == [2, 3]
    result = store.result(asked.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(asked))
    assert not list(tmp_path.glob("trials/*/checkpoint-*"))


def test_a_wish_to_stop_is_heard_within_an_epoch_and_the_numbers_stay(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale, epochs=2), Store(tmp_path)
    store.plan(asked)
    for _ in range(2):  # each attempt trains one step
        stopping = threading.Event()
        stopping.set()
        with pytest.raises(StoppedError):
            list(train(store, asked.id, Options("run"), stopping))
    (path,) = tmp_path.glob("trials/*/checkpoint-*")
    assert path.name.startswith("checkpoint-2-")
    list(train(store, asked.id, Options("run")))
    result = store.result(asked.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(asked))


def test_checkpoints_within_an_epoch_come_as_often_as_asked(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, store = trial(scale, epochs=1), Store(tmp_path)
    store.plan(asked)
    steps = []
    monkeypatch.setattr(saver, "save_checkpoint", lambda *a: (steps.append(a[2]), save_checkpoint(*a))[1])
    list(train(store, asked.id, Options("run", checkpoint_every=1e-9)))
    per_epoch = Trainer(asked).steps_per_epoch
    assert steps == list(range(1, per_epoch))
    result = store.result(asked.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(asked))


def test_a_trial_that_another_run_takes_over_is_left_to_it(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale, epochs=3), Store(tmp_path)
    store.plan(asked)
    records = train(store, asked.id, Options("one"))
    next(records)
    held = newest(store.files, asked.id)
    assert held is not None
    lease = acquire(store.files, asked.id, "two", dead=held[1].token)  # as a run does that takes the first for dead
    assert lease is not None
    with pytest.raises(LeaseLostError):
        list(records)
    assert lease.held(), "what was taken over is not released by the one that lost it"
    with pytest.raises(LeaseLostError):
        list(train(store, asked.id, Options("three")))


def test_what_is_done_is_not_trained_again(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale), Store(tmp_path)
    run(store, asked)
    before = store.result(asked.id)
    assert list(train(store, asked.id, Options("again"))) == []
    assert store.result(asked.id) == before


def test_a_reason_is_one_line() -> None:
    assert reason(TrainingError("two\nlines")) == "TrainingError: two lines"
    assert reason(KeyError()) == "KeyError"
