"""TensorBoard, MLflow and Weights & Biases as they are: what was told is read back from what they keep."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from searchspace.expand import SpecError
from studies.tracking.opened import TRACKERS, open_trackers
from studies.tracking.tracker import Tracked, Tracker

TRIALS = [
    Tracked(
        f"{seed}abcdef0", f"T2T/14, seed {seed}", "mine", "tiny", "g", "T2T/14", seed, {"model.depth": 3, "a": None}
    )
    for seed in (0, 1)
]


def record(epoch: int, top1: float) -> Any:
    names = ("top5", "loss", "train_loss", "lr", "images_per_second", "seconds")
    return {"epoch": epoch, "epochs": 2, "top1": top1, "notes": ["a note"]} | dict.fromkeys(names, 0.25)


def tell(tracker: Tracker) -> None:
    """Two trials side by side; one is done, one fails."""
    for epoch in (1, 2):
        for trial in TRIALS:
            tracker.epoch(trial, record(epoch, 40.0 + epoch + 10 * trial.seed))
    tracker.end(TRIALS[0], "done", {"top1": 42.0, "params": 100, "device": "a CPU"}, "")
    tracker.end(TRIALS[1], "failed", {}, "the loss is nan")


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Tracker]]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    made: list[Tracker] = []

    def open_(name: str) -> Tracker:
        made.extend(open_trackers([name], tmp_path))
        return made[-1]

    yield open_
    for tracker in made:
        tracker.close()
    if "wandb" in sys.modules:
        sys.modules["wandb"].teardown()  # its service, a process, would else stay
    services = [process for process in psutil.Process().children() if process.name().startswith("wandb")]
    assert psutil.wait_procs(services, timeout=30)[1] == [], "tests of other processes count what is left"


def test_tensorboard_has_a_curve_for_each_figure_of_each_trial(
    opened: Callable[[str], Tracker], tmp_path: Path
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tell(opened("tensorboard"))
    folders = sorted((tmp_path / "tensorboard" / "mine@tiny").iterdir())
    assert [folder.name for folder in folders] == ["T2T_14, seed 0 (0abcde)", "T2T_14, seed 1 (1abcde)"]
    for seed, folder in enumerate(folders):
        events = EventAccumulator(str(folder))
        events.Reload()
        assert [(e.step, e.value) for e in events.Scalars("top1")] == [(1, 41.0 + 10 * seed), (2, 42.0 + 10 * seed)]
        assert {"lr", "loss", "train_loss", "top5", "images_per_second"} <= set(events.Tags()["scalars"])
    hparams = EventAccumulator(str(folders[0])).Reload().PluginTagToContent("hparams")
    assert b"model.depth" in hparams["_hparams_/session_start_info"]


@pytest.mark.slow
def test_mlflow_has_a_run_for_each_trial_and_goes_on_with_it(opened: Callable[[str], Tracker]) -> None:
    from mlflow.tracking import MlflowClient

    first = opened("mlflow")
    first.epoch(TRIALS[0], record(1, 41.0))
    first.close()
    client = MlflowClient()
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "KILLED"
    tell(opened("mlflow"))
    runs = {run.data.tags["trial"]: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {trial.id for trial in TRIALS}
    done, failed = (runs[trial.id] for trial in TRIALS)
    assert (done.info.status, failed.info.status) == ("FINISHED", "FAILED")
    assert done.info.run_name == TRIALS[0].name
    assert failed.data.tags["reason"] == "the loss is nan"
    assert done.data.params == {"model.depth": "3", "a": "None"}
    assert done.data.metrics["final_top1"] == 42.0
    points = client.get_metric_history(failed.info.run_id, "top1")
    assert [(point.step, point.value) for point in points] == [(1, 51.0), (2, 52.0)]


@pytest.mark.slow
def test_wandb_keeps_a_run_for_each_trial_offline(opened: Callable[[str], Tracker], tmp_path: Path) -> None:
    tell(opened("wandb"))
    files = sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"), key=lambda path: path.name)
    assert [path.name for path in files] == [f"run-{trial.id}.wandb" for trial in TRIALS]
    for trial, path in zip(TRIALS, files, strict=True):
        kept = path.read_bytes()  # records of protobuf, one after the other
        for text in (
            trial.id,
            trial.name,
            "mine@tiny",
            "t2t-studies",
            "top1",
            f"{41 + 10 * trial.seed}",
            "model.depth",
        ):
            assert text.encode() in kept
        other = TRIALS[1 - trial.seed]
        assert other.id.encode() not in kept
        assert (b"the loss is nan" in kept) == (trial is TRIALS[1])


@pytest.mark.parametrize("name", TRACKERS)
def test_a_package_that_is_missing_is_one_line_that_says_how_to_get_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # what an import of a missing package finds
    with pytest.raises(SpecError, match=rf"--{name} needs a package .*pip install {name}$"):
        open_trackers([name], tmp_path)


def test_an_unknown_tracker_is_one_line_that_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no tracker 'foo'; known: tensorboard, mlflow, wandb"):
        open_trackers(["foo"], tmp_path)
