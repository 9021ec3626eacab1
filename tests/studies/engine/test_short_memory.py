"""Devices whose memory is short while they train, evaluate or resume, one of several among them."""

import gc
import os
import weakref
from pathlib import Path

import pytest
import torch
from timm.utils import ModelEmaV3
from together import Killing, numbers, trained

from studies.engine import team
from studies.engine.endings import Endings, says_memory_is_short
from studies.engine.options import Options
from studies.engine.team import Subprocesses
from studies.engine.worker import train
from studies.store.lessons import keep_micro_batch, kept_micro_batch
from studies.store.store import Store
from studies.training.errors import TrainingError
from studies.training.gradients import Gradients
from studies.training.trainer import Trainer
from studies.trials.trial import TrialSpec


def short_of_memory(most: int, gradients: object) -> object:
    """`Gradients._accumulated` on a device that has memory for so many pictures at a time."""

    def attempt(self: Gradients, epoch: int, index: int) -> torch.Tensor:
        if self.trial.recipe.batch_size // (self.ranks.size * self.micro_batches) > most:
            raise torch.OutOfMemoryError("no memory")
        return gradients(self, epoch, index)  # type: ignore[operator]

    return attempt


def test_where_memory_is_short_micro_batches_are_halved_and_the_batch_stays(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", trial)
    monkeypatch.setattr(Gradients, "_accumulated", short_of_memory(8, Gradients._accumulated))
    store = trained(tmp_path / "short", trial)
    result = store.result(trial.id)
    assert result is not None
    notes = result["history"][0]["notes"]
    assert notes == [
        "out of memory at step 1: micro-batches of 16 pictures from there, the batch stays 32",
        "out of memory at step 1: micro-batches of 8 pictures from there, the batch stays 32",
    ]
    assert "notes" not in result["history"][1]
    for one, two in zip(numbers(whole, trial), numbers(store, trial), strict=True):
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)
    monkeypatch.setattr(Gradients, "_accumulated", short_of_memory(1, Gradients._accumulated))
    with pytest.raises(RuntimeError, match="out of memory with a micro-batch of 2 pictures"):
        trained(tmp_path / "none", trial)


@pytest.mark.slow
def test_where_one_of_several_is_short_of_memory_all_begin_again_with_smaller_micro_batches(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gradients, "_accumulated", short_of_memory(8, Gradients._accumulated))
    store = trained(tmp_path / "short", trial, devices=2)
    monkeypatch.undo()
    result = store.result(trial.id)
    assert result is not None
    assert result["history"][0]["notes"] == ["out of memory: micro-batches of 8 pictures a device, the batch stays 32"]
    assert numbers(store, trial) == numbers(trained(tmp_path / "whole", trial, devices=2, micro_batch=8), trial)


def test_a_checkpoint_that_memory_is_too_short_for_is_no_bad_checkpoint(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.plan(trial)
    records = train(store, trial.id, Options("run"))
    next(records)
    records.close()
    kept = sorted(path.name for path in tmp_path.glob("trials/*/checkpoint-*"))

    def short(self: Trainer, state: dict) -> None:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(Trainer, "load_state_dict", short)
    with pytest.raises(torch.OutOfMemoryError):
        list(train(store, trial.id, Options("run")))
    assert sorted(path.name for path in tmp_path.glob("trials/*/checkpoint-*")) == kept


def test_a_process_that_must_end_leaves_what_it_has_learnt_to_the_next(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended:
        def ended(self) -> str | None:
            return "MemoryShortError: out of memory with micro-batches of 16 pictures"

        def end(self) -> None: ...

    told, left = [], []
    waiting = team.Team(Subprocesses(), str(tmp_path), trial.id, Options("run", devices=2), "cpu", told.append)
    waiting.members = {1: Ended()}
    monkeypatch.setattr(team, "SILENT_SECONDS", 0.01)
    monkeypatch.setattr(team.os, "_exit", left.append)
    waiting._watch()
    assert left == [1] and says_memory_is_short(told[0])

    store = Store(tmp_path)
    store.plan(trial)
    assert kept_micro_batch(store, trial.id) is None
    keep_micro_batch(store, trial.id, 8)
    assert Endings(32, Options("run", devices=2), kept_micro_batch(store, trial.id)).options.micro_batch == 8
    monkeypatch.setattr(Gradients, "_accumulated", short_of_memory(8, Gradients._accumulated))
    list(train(store, trial.id, Options("run")))
    result = store.result(trial.id)
    assert result is not None and "notes" not in result["history"][0], "memory was never short"
    assert kept_micro_batch(store, trial.id) is None, "what was only needed to train goes"


def with_room_for(most: int, model: torch.nn.Module) -> None:
    """Let a model evaluate so many pictures at a time; more are too many for the memory."""
    forward = model.forward

    def attempt(x: torch.Tensor) -> torch.Tensor:
        if not model.training and len(x) > most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes")
        return forward(x)

    model.forward = attempt  # type: ignore[method-assign]


@pytest.mark.parametrize("averaged", [True, False])
def test_an_evaluation_goes_on_with_fewer_pictures_at_a_time_and_its_figures_stay(
    trial: TrialSpec, averaged: bool
) -> None:
    if not averaged:
        trial = trial.model_copy(update={"recipe": trial.recipe.model_copy(update={"ema": None})})
    whole, short = Trainer(trial), Trainer(trial)
    with_room_for(20, short.evaluated)
    for epoch in range(2):
        expected, found = whole.train_epoch(), short.train_epoch()
        assert expected is not None and found is not None
        notes = [
            f"out of memory in an evaluation: {n} pictures at a time from there, the figures stay" for n in (32, 16)
        ]
        assert found.get("notes", []) == ([] if epoch else notes), "it is remembered"
        for name in ("top1", "top5", "test_pictures", "train_loss"):
            assert found[name] == expected[name]
        assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    with_room_for(0, short.evaluated)
    with pytest.raises(TrainingError, match=r"out of memory in an evaluation of one picture: .* larger device"):
        short.evaluate()


@pytest.mark.parametrize(("owner", "name"), [(torch.optim.AdamW, "step"), (ModelEmaV3, "update")])
def test_weights_that_may_be_half_changed_are_not_changed_again_nor_kept(
    tmp_path: Path, trial: TrialSpec, owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, calls = getattr(owner, name), []

    def short(self: object, *arguments: object) -> object:
        calls.append(name)
        if len(calls) > 5:  # in the second epoch
            raise torch.OutOfMemoryError("no memory")
        return change(self, *arguments)

    monkeypatch.setattr(owner, name, short)
    store = Store(tmp_path)
    store.plan(trial)
    with pytest.raises(
        TrainingError, match=r"^out of memory at step 6, .* optimizer state needs a larger device; the last"
    ):
        list(train(store, trial.id, Options("run", checkpoint_every=1e9)))
    assert len(calls) == 6
    failure = store.failure(trial.id)
    assert failure is not None and "out of memory at step 6" in failure["reason"]
    assert [path.name.split("-")[1] for path in tmp_path.glob("trials/*/checkpoint-*")] == ["4"]
    monkeypatch.undo()
    list(train(store, trial.id, Options("again")))
    assert numbers(store, trial) == numbers(trained(tmp_path / "whole", trial), trial)


def test_a_trainer_is_gone_when_nobody_holds_it(trial: TrialSpec) -> None:
    trainer = Trainer(trial)
    trainer.train_epoch()
    held = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer
        assert held() is None, "the next try needs its memory at once"
    finally:
        gc.enable()


# For a process that trains along: its optimizer has no memory at the fifth step, the first after a checkpoint.
INJECTED = """
import sys
if "studies.engine.rank" in sys.orig_argv:
    import wrapt
    def shorten(module):
        step, calls = module.AdamW.step, []
        def short(self, *arguments):
            calls.append(1)
            if len(calls) > 4:
                raise __import__("torch").OutOfMemoryError("no memory")
            return step(self, *arguments)
        module.AdamW.step = short
    wrapt.register_post_import_hook(shorten, "torch.optim.adamw")
"""


@pytest.mark.slow
def test_where_one_of_several_has_no_memory_for_its_optimizer_the_trial_fails_at_once(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(INJECTED)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    )
    store, launch = Store(tmp_path / "runs"), Killing()
    store.plan(trial)
    with pytest.raises(
        TrainingError, match=r"rank 1 of 2 ended: TrainingError: out of memory at step 5, .*larger device"
    ):
        list(train(store, trial.id, Options("run", devices=2), launch=launch))
    assert len(launch.members) == 1, "it is not tried again"
    assert store.state(trial.id) == "failed"
    assert [path.name.split("-")[1] for path in tmp_path.glob("runs/trials/*/checkpoint-*")] == ["4"]
