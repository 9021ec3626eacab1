"""`studies run` killed, interrupted and beside another, in processes of its own: the numbers stay the same."""

import json
import os
import signal
from pathlib import Path

import pytest
from support import Studies, StudyFile, accuracies, start, wait_for_checkpoint


@pytest.fixture
def long(tiny: Path) -> Path:
    """A scale whose trials take some seconds, so that a kill falls into the middle."""
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 30"))
    return tiny


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["ray", "inline"])
def test_after_kill_9_the_same_command_finishes_with_the_same_numbers(
    studies: Studies,
    study_file: StudyFile,
    long: Path,
    tmp_path: Path,
    environment: dict[str, str],
    executor: str,
) -> None:
    study = str(study_file())
    whole = studies("run", study, "--scale", str(long), "--seeds", "1", "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    command = [
        "run",
        study,
        "--scale",
        str(long),
        "--seeds",
        "1",
        "--executor",
        executor,
        "--runs-dir",
        "killed",
    ]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert accuracies(tmp_path / "killed") != accuracies(tmp_path / "whole")

    rest = studies(*command)
    assert rest.returncode == 0, rest.stderr
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")
    assert rest.stdout == whole.stdout


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_the_numbers_are_the_same(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    study = str(study_file())
    whole = studies("run", study, "--scale", str(long), "--seeds", "1", "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    command = ["run", study, "--scale", str(long), "--seeds", "1", "--jobs", "1", "--runs-dir", "killed"]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    lease = next((tmp_path / "killed").glob("trials/*/lease.1.json"))
    worker = json.loads(lease.read_text())["pid"]
    assert worker != process.pid
    os.kill(worker, signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["ray", "inline"])
def test_ctrl_c_saves_and_leaves_and_the_same_command_goes_on(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str], executor: str
) -> None:
    command = ["run", str(study_file()), "--scale", str(long), "--seeds", "1", "--executor", executor]
    whole = studies(*command[:-1], "inline", "--runs-dir", "whole")
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "runs", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    # An epoch that ended before the signal may be told between the two.
    lines = [line for line in errors.strip().splitlines() if line.startswith("studies: stop")]
    assert errors.strip().endswith(lines[-1])
    assert lines == [
        "studies: stopping: trials finish their step and save; once more to leave at once",
        "studies: stopped; the same command goes on from here",
    ]
    assert "Traceback" not in errors
    assert not list((tmp_path / "runs").glob("trials/*/lease*")), "nothing is left behind"
    again = studies(*command)
    assert again.returncode == 0
    assert again.stdout == whole.stdout
    assert accuracies(tmp_path / "runs") == accuracies(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_twice_leaves_at_once(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = ["run", str(study_file()), "--scale", str(long), "--seeds", "1"]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "runs", process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip().endswith("studies: left at once; the same command goes on from the last checkpoint")
    assert studies(*command).returncode == 0


@pytest.mark.slow
def test_two_runs_at_once_share_the_work_and_train_nothing_twice(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    study = str(study_file())
    at = ("--scale", str(long), "--seeds", "3")
    whole = studies("run", study, *at, "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr
    one, other = (start(["run", study, *at, "--executor", "inline"], tmp_path, environment) for _ in range(2))
    told = [process.communicate(timeout=240) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], told
    lines = [[line for line in errors.splitlines() if line.startswith("[")] for _, errors in told]
    own = [{line.split(":")[0].split("] ")[1] for line in run if "another run" not in line} for run in lines]
    assert len(own[0] | own[1]) == 6
    assert not own[0] & own[1], "a trial was trained twice"
    assert own[0], "both had their share"
    assert own[1], "both had their share"
    assert [out for out, _ in told] == [whole.stdout, whole.stdout]
    assert accuracies(tmp_path / "runs") == accuracies(tmp_path / "whole")
