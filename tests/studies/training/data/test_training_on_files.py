"""Trials over picture files, as over ImageNet: equal numbers whatever happens beside them."""

import os
import signal
from functools import partial
from pathlib import Path

import psutil
import pytest
from parenthood import STUDENT
from picture_folders import folder_data, write_folder

from searchspace.expand import override
from studies.training.data.access import DataAccess
from studies.training.data.corrupt import DataError
from studies.training.devices import prepare_device
from studies.training.execution import Execution
from studies.training.trainer import Trainer
from studies.trials.data import FolderSpec
from studies.trials.recipe import Augment, Recipe
from studies.trials.trial import TrialSpec

AUGMENT = Augment(crop="resized", auto_augment="rand-m9-mstd0.5-inc1", reprob=0.25)
TRIAL = TrialSpec(
    model=override(STUDENT, {"num_classes": 3}),
    data=FolderSpec(**folder_data()),
    recipe=Recipe(epochs=3, batch_size=8, lr=0.002, augment=AUGMENT, interim_test=5),
    seed=0,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepare_device("cpu")
    return write_folder(tmp_path_factory.mktemp("data"))


def trainer(root: Path, workers: int) -> Trainer:
    return Trainer(TRIAL, execution=Execution(access=DataAccess(str(root), workers)))


def numbers(trained: Trainer) -> tuple:
    """What must be equal of two trainings."""
    records = [(r["top1"], r["loss"], r["train_loss"], r["test_pictures"]) for r in trained.history]
    return records, trained.weights()


@pytest.fixture(scope="module")
def expected(root: Path) -> tuple:
    trained = trainer(root, 0)
    while not trained.done:
        trained.train_epoch()
    return numbers(trained)


def at_steps(trained: Trainer) -> bool:
    return trained.step in (2, 8, 13)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_trial_that_is_interrupted_and_resumed_ends_with_equal_numbers(
    root: Path, expected: tuple, workers: int
) -> None:
    trained = trainer(root, workers)
    while not trained.done:
        trained.train_epoch(partial(at_steps, trained))
        state = trained.state_dict()
        trained.source.close()
        trained = trainer(root, workers)
        trained.load_state_dict(state)
    assert numbers(trained) == expected
    trained.source.close()


@pytest.mark.slow
def test_data_workers_that_are_killed_are_replaced_and_the_numbers_are_equal(root: Path, expected: tuple) -> None:
    trained = trainer(root, 2)
    killed = []

    def kill() -> bool:
        if trained.step in (2, 7):  # at 7 those that load test pictures too
            killed.append([process.send_signal(signal.SIGKILL) for process in psutil.Process().children()])
        return False

    while not trained.done:
        trained.train_epoch(kill)
    assert list(map(len, killed)) == [2, 4]
    assert numbers(trained) == expected
    notes = [note for record in trained.history for note in record.get("notes", ())]
    assert notes == ["a data worker died and was replaced"] * 3, "once for each time and each split"
    trained.source.close()
    assert not psutil.Process().children()


@pytest.mark.slow
def test_data_workers_that_die_again_and_again_end_the_trial(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studies.training.data.samples import TrainingSamples

    monkeypatch.setattr(TrainingSamples, "__getitem__", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    trained = trainer(root, 1)
    with pytest.raises(DataError, match=r"data workers died 4 times .*--data-workers"):
        trained.train_epoch()
    assert not psutil.Process().children()
