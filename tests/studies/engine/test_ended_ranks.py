"""Processes that train a trial along and end before it does."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from support import Studies, StudyFile, accuracies, start, wait_for_checkpoint
from together import Killing, numbers, trained

from studies.engine import team
from studies.engine.endings import Endings
from studies.engine.events import reason
from studies.engine.options import Options
from studies.engine.team import Job, Member, MemberEndedError, Subprocesses, Team
from studies.engine.worker import train
from studies.store.store import Store
from studies.training.data.corrupt import DataError
from studies.training.errors import MemoryShortError, TrainingError
from studies.trials.trial import TrialSpec


@pytest.mark.slow
def test_a_rank_that_is_killed_costs_what_was_trained_since_the_checkpoint(tmp_path: Path, trial: TrialSpec) -> None:
    whole = trained(tmp_path / "whole", trial, devices=2)
    store, launch = Store(tmp_path / "killed"), Killing()
    store.plan(trial)
    records = train(store, trial.id, Options("run", devices=2), launch=launch)
    next(records)
    launch.kill()
    rest = list(records)
    assert [record["epoch"] for record in rest] == [2, 3]
    assert "rank 1 of 2 ended: killed, or out of memory; went on from the last checkpoint" in rest[0]["notes"][0]
    assert len(launch.members) == 2
    assert all(member.ended() is not None for member in launch.members), "none is left"
    assert numbers(store, trial) == numbers(whole, trial)
    assert store.weights(trial.id) == whole.weights(trial.id)


@pytest.mark.slow
def test_a_rank_that_ends_again_and_again_fails_the_trial(tmp_path: Path, trial: TrialSpec) -> None:
    class Broken(Subprocesses):
        def start(self, job: Job) -> Member:
            member = super().start(job)
            member.process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
            return member

    store = Store(tmp_path)
    store.plan(trial)
    with pytest.raises(RuntimeError, match=r"rank 1 of 2 ended: killed, or out of memory, 3 times"):
        list(train(store, trial.id, Options("run", devices=2), launch=Broken()))
    assert store.state(trial.id) == "failed"


def ranks_of(process: psutil.Process) -> list[psutil.Process]:
    """The processes that train along."""
    found = []
    for child in process.children(recursive=True):
        try:
            command = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "studies.engine.rank" in command or "ray::_Rank" in command:
            found.append(child)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "victim"), [("ray", "rank"), ("inline", "driver")])
def test_a_run_survives_that_one_of_its_processes_is_killed(
    executor: str,
    victim: str,
    studies: Studies,
    study_file: StudyFile,
    tiny: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 20"))
    study = str(study_file(arms={"a": {"base": "vit_s_16"}}))
    command = ["run", study, "--scale", str(tiny), "--seeds", "1", "--devices-per-trial", "2", "--executor"]
    whole = studies(*command, "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    command += [executor, "--runs-dir", "killed"]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    ranks = ranks_of(psutil.Process(process.pid))
    assert len(ranks) == 1
    if victim == "rank":
        ranks[0].kill()
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    else:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert psutil.wait_procs(ranks, timeout=30)[1] == [], "the other ranks end when the driver does"
        rest = studies(*command)
        assert rest.returncode == 0, rest.stderr
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")
    (path,) = (tmp_path / "killed").glob("trials/*/result.json")
    assert json.loads(path.read_text())["devices"] == 2


@pytest.mark.slow
def test_the_other_ranks_may_end_while_rank_0_keeps_the_result(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, ended = Store.finish, []

    def slowly(self: Store, *arguments: object) -> None:
        while any(member.ended() is None for member in launch.members):  # till the last of them is gone
            time.sleep(0.05)
        time.sleep(3)  # as long as the watch would bear, and more
        ended.append(True)
        keep(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(team, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(Store, "finish", slowly)
    store, launch = Store(tmp_path), Killing()
    store.plan(trial)
    list(train(store, trial.id, Options("run", devices=2), launch=launch))
    assert ended and store.state(trial.id) == "done"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TrainingError("out of memory at step 5"), TrainingError),
        (DataError("3 pictures cannot be read"), TrainingError),
        (MemoryShortError("out of memory with micro-batches of 2 pictures"), TrainingError),
        (OSError("gone"), None),  # a death: try again
    ],
    ids=reason,
)
def test_a_trial_that_cannot_go_on_at_one_rank_is_not_tried_again(error: Exception, kind: type | None) -> None:
    endings = Endings(2 * 2, Options("run", devices=2))
    ended = Team(Subprocesses(), "", "", endings.options, "cpu", lambda why: None)
    ended.blame = f"rank 1 of 2 ended: {reason(error)}"
    lost = RuntimeError("Connection closed by peer")
    if kind is None:
        endings.settle(lost, ended)
        endings.settle(lost, ended)
        kind = MemberEndedError
    with pytest.raises(kind, match=str(error)):
        endings.settle(lost, ended)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (TrainingError("out of memory at step 5"), "failed"),
        (MemoryShortError("of 2 pictures"), "failed"),
        (OSError("gone"), "planned"),
    ],
    ids=reason,
)
def test_a_process_that_must_end_says_that_the_trial_cannot_go_on(
    tmp_path: Path, trial: TrialSpec, error: Exception, state: str
) -> None:
    store = Store(tmp_path)
    store.plan(trial)
    Endings(2 * 2, Options("run", devices=2)).leave_word(store, trial.id, f"rank 1 of 2 ended: {reason(error)}")
    assert store.state(trial.id) == state
