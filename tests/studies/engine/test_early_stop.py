"""`studies run --early-stop`: what is stopped is marked, averaged nowhere, and can go on."""

import json
from pathlib import Path

import pandas as pd
import pytest
from support import Studies, StudyFile, accuracies, one_line

import studies as package


@pytest.mark.slow
def test_stopped_trials_are_marked_in_every_table_and_go_on_without_the_option(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 4"))
    study = str(study_file())
    at = ("--scale", str(tiny), "--seeds", "6")
    whole = studies("run", study, *at, "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    early = studies("run", study, *at, "--jobs", "1", "--early-stop")
    assert early.returncode == 0, early.stderr
    assert "stopped early after epoch" in early.stderr
    frame = package.results(study, runs_dir=tmp_path / "runs", scale=str(tiny), seeds=range(6))
    stopped = frame[frame["status"] == "pruned"]
    assert 0 < len(stopped) < 6
    assert set(stopped["arm"]) == {"b"}, "the baseline is what the others are compared with"
    assert stopped["top1"].isna().all()
    assert stopped["reason"].str.fullmatch(r"stopped early after epoch [123] at top-1 \d+\.\d %").all()
    assert stopped["epochs"].between(1, 3).all()
    row = next(line for line in early.stdout.splitlines() if line.startswith("b "))
    assert f"{6 - len(stopped)} ({len(stopped)} stopped)" in row
    assert "stopped early" in row
    assert "not compared" in " ".join(early.stdout.split())
    shown = pd.read_csv(pd.io.common.StringIO(studies("report", study, *at, "--format", "csv").stdout))
    assert (shown["status"] == "pruned").sum() == len(stopped)
    listed = json.loads(studies("store", "ls", "--status", "pruned", "--json").stdout)
    assert {row["trial"] for row in listed} == set(stopped["trial"])

    again = studies("run", study, *at, "--jobs", "1", "--early-stop")
    assert f"{12 - len(stopped)} done already, {len(stopped)} stopped early" in again.stderr
    assert "nothing to train" in again.stderr

    rest = studies("run", study, *at, "--executor", "inline")
    assert rest.returncode == 0, rest.stderr
    assert accuracies(tmp_path / "runs") == accuracies(tmp_path / "whole")
    assert rest.stdout == whole.stdout


def test_early_stopping_needs_trials_beside_each_other(studies: Studies, study_file: StudyFile, tiny: Path) -> None:
    refused = studies("run", str(study_file()), "--scale", str(tiny), "--early-stop", "--executor", "inline")
    assert "--early-stop compares trials" in one_line(refused)
