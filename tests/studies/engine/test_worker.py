"""One trial of a store, trained in this process."""

from pathlib import Path

import pytest
import torch
from chains import DIGITS
from parenthood import STUDENT
from parenthood import trial as asked
from stores import checkpoints
from trainings import finish, numbers

from studies.engine.options import Options
from studies.engine.worker import train
from studies.language.scale_file import load_scale
from studies.store.checkpoints import save_checkpoint
from studies.store.store import Store
from studies.training import trainer as module
from studies.training.devices import peak_memory_mb, prepare_device, reset_peak_memory
from studies.training.errors import TrainingError
from studies.training.trainer import Trainer
from studies.trials.trial import TrialSpec

OF_ANOTHER_MODEL = {"model": {}, "optimizer": {}, "step": 1, "history": []}


@pytest.fixture
def trial(tiny: Path) -> TrialSpec:
    prepare_device("cpu")
    return asked(load_scale(str(tiny)), STUDENT)


@pytest.mark.parametrize("state", [OF_ANOTHER_MODEL, {}, [1, 2], {"model": None}], ids=str)
def test_a_checkpoint_that_cannot_be_loaded_is_put_aside_and_the_trial_ends_with_its_numbers(
    store: Store, trial: TrialSpec, state: dict
) -> None:
    store.plan(trial)
    save_checkpoint(store, trial.id, 1, state)
    assert len(checkpoints(store, trial.id)) == 1
    list(train(store, trial.id, Options("run")))
    result = store.result(trial.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(trial))


def test_the_checkpoint_before_one_that_cannot_be_loaded_is_used(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    begun = Trainer(trial)
    begun.train_epoch()
    save_checkpoint(store, trial.id, begun.step, begun.state_dict())
    (name,) = checkpoints(store, trial.id)
    good = store.files.read(f"trials/{trial.id}/{name}")
    save_checkpoint(store, trial.id, begun.step + 1, OF_ANOTHER_MODEL)
    store.files.write(f"trials/{trial.id}/{name}", good or b"")  # as a kill between writing and removing leaves it
    assert len(list(train(store, trial.id, Options("run")))) == 1, "one epoch of two was left"
    assert numbers(store.result(trial.id)["history"]) == finish(Trainer(trial))  # type: ignore[index]


def test_a_loss_that_is_not_finite_ends_the_trial_before_the_epoch_does(
    trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOSS_CHECK_STEPS", 2)
    trainer = Trainer(trial)
    for parameter in trainer.parameters:
        parameter.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"the loss is nan by step 2 of 8 \(epoch 1, lr 0\.\d+\): try a lower lr"):
        trainer.train_epoch()
    assert trainer.step == 2


def test_peak_memory_is_that_since_the_trial_began() -> None:
    cpu = torch.device("cpu")
    filled = torch.ones(100, 2**20)  # 400 MiB
    of_another_trial = peak_memory_mb(cpu)
    del filled
    reset_peak_memory(cpu)
    assert peak_memory_mb(cpu) < of_another_trial - 300


def test_interim_accuracy_of_a_split_that_is_sorted_by_class_is_over_all_classes() -> None:
    from studies.training.data.source import subset

    labels = torch.arange(10).repeat_interleave(100)
    chosen = labels[subset(len(labels), 100)]
    assert len(chosen) == 100
    assert set(chosen.tolist()) == set(range(10))
    assert torch.equal(subset(1000, 100), subset(1000, 100)), "the same pictures for every trial"
    assert len(set(subset(1000, 100).tolist())) == 100
    assert DIGITS.recipe.interim_test
