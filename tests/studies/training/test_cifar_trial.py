"""Trials on pictures in CIFAR's files, through the same code as the real ones."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
import yaml
from conftest import TINY
from parenthood import small, trial
from pictures import write_cifar
from support import Studies, accuracies
from trainings import finish

from studies.language.scale_file import load_scale
from studies.training.data import making
from studies.training.data.access import DataAccess
from studies.training.execution import Execution
from studies.training.trainer import Trainer
from studies.trials.scale import Scale

AUGMENT = {"crop": "pad", "auto_augment": "rand-m9-mstd0.5-inc1", "reprob": 0.25}


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they lie."""
    root = write_cifar(tmp_path / "data")
    monkeypatch.setenv("STUDIES_DATA", str(root))
    return root


@pytest.fixture
def cifar_file(tmp_path: Path) -> Path:
    """A scale of CIFAR whose trials take a second."""
    path = tmp_path / "cifar.yaml"
    data = {"kind": "cifar10", "train_size": 96, "test_size": 40}
    recipe = {"epochs": 2, "batch_size": 16, "lr": 0.002, "augment": AUGMENT}
    path.write_text(yaml.safe_dump(TINY | {"scale": "cifar", "data": data, "recipe": recipe}))
    return path


@pytest.mark.slow
def test_a_trial_on_augmented_bytes_goes_on_with_the_same_numbers_when_it_and_its_workers_are_killed(
    pictures: Path, cifar_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "AREA", 16 * 32**2)  # a batch at a time
    scale: Scale = load_scale(str(cifar_file))
    asked = trial(scale, small("t2t_vit_14"))
    whole = Trainer(asked)
    finish(whole)
    two_cores = Execution(access=DataAccess(workers=2))
    broken = Trainer(asked, execution=two_cores)
    notes = []
    for stop in (2, 9, 12):
        while broken.step < stop:
            broken.train_epoch(lambda now=broken, stop=stop: now.step == stop)
        assert len(psutil.Process().children()) == 2
        if stop == 2:  # two more for each worker may be there, but not the one at step 7
            for process in psutil.Process().children():
                process.send_signal(signal.SIGKILL)
            continue
        notes += broken.source.take_notes()
        broken.source.close()
        assert not psutil.Process().children()
        state, broken = broken.state_dict(), Trainer(asked, execution=two_cores)
        broken.load_state_dict(state)
    assert broken.done
    notes += [note for record in broken.history for note in record.get("notes", ())]
    assert notes == ["a data worker died and was replaced"]
    assert [r["train_loss"] for r in broken.history] == [r["train_loss"] for r in whole.history]
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, broken.model.state_dict()[name]), name


@pytest.mark.slow
def test_a_study_runs_on_files_of_cifar(
    studies: Studies, study_file: Callable[..., Path], pictures: Path, cifar_file: Path, tmp_path: Path
) -> None:
    arguments = ["run", str(study_file()), "--scale", str(cifar_file), "--seeds", "1", "--executor", "inline"]
    done = studies(*arguments, "--data", str(pictures), "--runs-dir", "runs")
    assert done.returncode == 0, done.stderr
    assert len(accuracies(tmp_path / "runs")) == 2
