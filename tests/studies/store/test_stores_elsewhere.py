"""Stores that are URLs, of other versions, or that cannot be written, as a user meets them."""

import hashlib
import json
from pathlib import Path

import pytest
from support import Studies, StudyFile, accuracies, one_line

import studies as package
from studies.cli.parser import main


def test_a_url_holds_a_whole_study(
    study_file: StudyFile,
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    study = str(study_file())
    at = ["--scale", str(tiny), "--seeds", "1"]
    for place in (tmp_path / "local", "memory://whole/study"):
        assert main(["run", study, *at, "--executor", "inline", "--runs-dir", str(place)]) == 0
    local, remote = (
        package.results(study, runs_dir=place, scale=str(tiny), seeds=[0])
        for place in ("local", "memory://whole/study")
    )
    clock = ["seconds", "images_per_second", "peak_memory_mb", "finished_at"]
    assert remote.drop(columns=clock).equals(local.drop(columns=clock))
    capsys.readouterr()
    assert main(["run", study, *at, "--executor", "inline", "--runs-dir", "memory://whole/study"]) == 0
    assert "nothing to train" in capsys.readouterr().err
    assert main(["store", "verify", "--runs-dir", "memory://whole/study"]) == 0
    assert "2 trials, 0 with problems; memory://whole/study" in capsys.readouterr().out


def test_a_store_in_memory_is_refused_under_ray(studies: Studies, study_file: StudyFile, tiny: Path) -> None:
    refused = studies("run", str(study_file()), "--scale", str(tiny), "--runs-dir", "memory://x")
    assert "lives in one process" in one_line(refused)


@pytest.mark.slow
@pytest.mark.parametrize("command", [["plan"], ["run"], ["report"]], ids=lambda command: command[0])
def test_a_store_of_a_newer_version_is_one_line_and_stays_as_it_is(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path, command: list[str]
) -> None:
    runs = tmp_path / "runs"
    (runs / "trials").mkdir(parents=True)
    (runs / "store.json").write_text(json.dumps({"schema_version": 99}))
    line = one_line(studies(*command, str(study_file()), "--scale", str(tiny)))
    assert f"{runs} was written by a newer version of t2t-studies (format 99" in line
    assert "upgrade t2t-studies, or choose another --runs-dir" in line
    assert sorted(path.name for path in runs.iterdir()) == ["store.json", "trials"]
    assert json.loads((runs / "store.json").read_text()) == {"schema_version": 99}


@pytest.mark.slow
def test_an_older_store_is_migrated_by_command(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    study = str(study_file())
    at = ("--scale", str(tiny), "--seeds", "1", "--executor", "inline")
    whole = studies("run", study, *at, "--runs-dir", "new")
    old = tmp_path / "runs"
    for path in (tmp_path / "new").glob("trials/*/result.json"):
        trial, result = (json.loads(path.with_name(name).read_text()) for name in ("trial.json", "result.json"))
        for key in ("sha256", "teacher", "pretrained"):
            del trial[key]
        trial["schema_version"] = 1
        text = json.dumps(trial, sort_keys=True, separators=(",", ":"))
        folder = old / "trials" / hashlib.sha256(text.encode()).hexdigest()[:16]
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(trial))
        del result["sha256"]
        result["history"] = json.loads(path.with_name("history.json").read_text())["history"]
        (folder / "result.json").write_text(json.dumps(result))
    line = one_line(studies("run", study, *at))
    assert f"`studies store migrate --runs-dir {old}`" in line
    migrated = studies("store", "migrate")
    assert migrated.returncode == 0
    assert migrated.stdout == f"{old}: format 1 to 3, 2 trials taken over, 0 left as they are\n"
    again = studies("run", study, *at)
    assert "nothing to train" in again.stderr
    assert again.stdout == whole.stdout
    assert accuracies(old) == accuracies(tmp_path / "new")


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/proc/runs", "a file/runs", "a file"])
def test_a_place_that_cannot_be_written_is_one_line(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "a file").write_text("mine")
    command = ["run", str(study_file()), "--scale", str(tiny), "--executor", "inline", "--runs-dir", place]
    line = one_line(studies(*command))
    assert line.startswith("studies: cannot write ") or line.endswith("a file is no folder: choose another --runs-dir")
    assert line.endswith("choose another --runs-dir")
    assert (tmp_path / "a file").read_text() == "mine"


@pytest.mark.slow
def test_a_damaged_result_is_said_and_trained_anew(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    study = str(study_file())
    at = ("--scale", str(tiny), "--seeds", "1", "--executor", "inline")
    whole = studies("run", study, *at)
    before = accuracies(tmp_path / "runs")
    path = next((tmp_path / "runs").glob("trials/*/result.json"))
    path.write_text(path.read_text().replace('"top1": ', '"top1": 1'))
    frame = package.results(study, runs_dir=tmp_path / "runs", scale=str(tiny), seeds=[0])
    assert sorted(frame["status"]) == ["damaged", "done"]
    assert frame["top1"].notna().sum() == 1
    assert studies("store", "verify").returncode == 1
    again = studies("run", study, *at)
    assert "2 trials, 1 done already" in again.stderr
    assert again.stdout == whole.stdout
    assert accuracies(tmp_path / "runs") == before
    assert studies("store", "verify").returncode == 0
