"""`studies run --page --tensorboard --wandb`: who listens to a run."""

import json
from pathlib import Path

import pytest
from support import Studies, StudyFile, one_line


@pytest.mark.slow
def test_a_run_tells_its_trackers_and_writes_its_page(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    command = ("run", str(study_file()), "--scale", str(tiny), "--seeds", "1", "--executor", "inline")
    plain = studies(*command, "--runs-dir", "plain")
    told = studies(*command, "--tensorboard", "--page")
    assert (plain.returncode, told.returncode) == (0, 0), told.stderr
    assert told.stdout == plain.stdout
    page = tmp_path / "runs" / "pages" / "s@tiny.html"
    assert told.stderr.splitlines()[-1] == f"page: {page}"
    assert f"TensorBoard: {tmp_path / 'runs' / 'tensorboard'}" in told.stderr.splitlines()
    text = page.read_text()
    assert 'http-equiv="refresh"' not in text, "the run is over"
    assert "The run goes on" not in text
    assert len(list((tmp_path / "runs" / "tensorboard" / "s@tiny").iterdir())) == 2
    again = studies(*command, "--page", "mine.html")
    assert again.stderr.splitlines()[-2:] == [
        "nothing to train: every trial is in the store", "page: mine.html",
    ]  # fmt: skip
    assert (tmp_path / "mine.html").read_text() == text


@pytest.mark.slow
def test_a_tracker_that_cannot_write_fails_no_run(
    studies: Studies, study_file: StudyFile, tiny: Path, environment: dict[str, str]
) -> None:
    environment["MLFLOW_TRACKING_URI"] = "nothing://that.mlflow/knows"
    try:
        done = studies(
            "run", str(study_file()), "--scale", str(tiny), "--seeds", "1", "--executor", "inline", "--mlflow"
        )
    finally:
        del environment["MLFLOW_TRACKING_URI"]
    assert done.returncode == 0, done.stderr
    assert sum("MLflow is told nothing more, and the run goes on" in line for line in done.stderr.splitlines()) == 1
    trials = json.loads(studies("store", "ls", "--json").stdout)
    assert [trial["status"] for trial in trials] == ["done", "done"]


def test_a_page_that_cannot_be_written_is_refused_before_anything_is(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    line = one_line(studies("run", str(study_file()), "--scale", str(tiny), "--page", str(tmp_path)))
    assert "name a file" in line
    (tmp_path / "file").write_text("")
    line = one_line(studies("run", str(study_file()), "--scale", str(tiny), "--page", "file/page.html"))
    assert "cannot write in" in line
    assert not (tmp_path / "runs").exists()
