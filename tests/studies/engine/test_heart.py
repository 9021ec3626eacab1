"""The thread beside a training: it renews the lease, hears a wish to stop, and ends a process that hangs."""

import contextlib
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.engine import heart as hearts
from studies.engine.heart import HUNG, Heart, ask_to_stop, take_back_stop
from studies.language.scale_file import load_scale
from studies.store.files import Files, StoreError, open_files
from studies.store.leases import Lease, acquire, newest
from studies.store.store import Store
from studies.trials.trial import TrialSpec

T = "trial"
SOON = 5.0  # seconds that are waited at most for what comes within hundredths


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = open_files(tmp_path)
    files.look_seconds = 0.01  # a look is cheap here
    return files


@pytest.fixture
def lease(files: Files) -> Lease:
    lease = acquire(files, T, "ours")
    assert lease is not None
    return lease


def heart(lease: Lease, stopping: threading.Event | None = None) -> Heart:
    return Heart(lease, stopping or threading.Event(), 600.0, lambda *_: None)


def until(true: Callable[[], bool]) -> None:
    """Wait for what comes soon."""
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_stop_file_sets_stopping(files: Files, lease: Lease) -> None:
    stopping = threading.Event()
    with heart(lease, stopping):
        ask_to_stop(files, "ours")
        assert stopping.wait(SOON)
    assert lease.held(), "who stops lets go of the trial itself"
    take_back_stop(files, "ours")
    assert files.names("stops") == []


def test_it_beats_where_the_standard_error_stream_is_no_file(files: Files, lease: Lease) -> None:
    stopping = threading.Event()
    with contextlib.redirect_stderr(io.StringIO()), heart(lease, stopping):
        ask_to_stop(files, "ours")
        assert stopping.wait(SOON)


def test_the_wish_of_another_run_to_stop_is_not_ours(files: Files, lease: Lease) -> None:
    stopping = threading.Event()
    ask_to_stop(files, "another")
    with heart(lease, stopping):
        assert not stopping.wait(0.1)


def test_a_wish_to_stop_can_be_taken_back_before_the_next_run(files: Files, lease: Lease) -> None:
    ask_to_stop(files, "ours")
    take_back_stop(files, "ours")
    take_back_stop(files, "ours")
    stopping = threading.Event()
    with heart(lease, stopping):
        assert not stopping.wait(0.1)


def test_a_lease_is_renewed_while_the_training_goes_on(
    files: Files, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "RENEW_SECONDS", 0.01)
    with heart(lease) as beating:
        until(lambda: newest(files, T)[1].beat >= 3)
        assert not beating.lost.is_set()
    beat = newest(files, T)[1].beat
    time.sleep(0.1)
    assert newest(files, T)[1].beat == beat, "nobody renews it after the end"
    assert lease.held()


def test_a_lease_is_not_renewed_at_every_look(files: Files, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearts, "RENEW_SECONDS", 0.1)
    start = time.monotonic()
    with heart(lease):
        until(lambda: newest(files, T)[1].beat >= 3)
    assert time.monotonic() - start > 0.3


def test_a_lost_lease_is_noticed_and_left_to_its_new_holder(
    files: Files, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "RENEW_SECONDS", 0.01)
    stopping = threading.Event()
    with heart(lease, stopping) as beating:
        taken = acquire(files, T, "theirs", dead=lease.holder.token)
        assert beating.lost.wait(SOON)
        until(lambda: not beating.is_alive())
    assert taken.held() and not lease.held()
    assert newest(files, T)[1].run == "theirs"
    assert not stopping.is_set()


def test_a_store_that_does_not_answer_for_a_while_ends_nothing(
    files: Files, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, asked = threading.Event(), threading.Event()

    def unreachable(name: str) -> bool:
        asked.set()
        raise StoreError("cannot read")

    with heart(lease, stopping) as beating:
        with monkeypatch.context() as patch:
            patch.setattr(files, "exists", unreachable)
            assert asked.wait(SOON)
        assert beating.is_alive()
        ask_to_stop(files, "ours")
        assert stopping.wait(SOON)


def test_a_heart_ends_at_once_with_the_training(files: Files, lease: Lease) -> None:
    files.look_seconds = 30.0
    start = time.monotonic()
    with heart(lease) as beating:
        assert beating.is_alive()
    assert not beating.is_alive()
    assert time.monotonic() - start < SOON
    with pytest.raises(ZeroDivisionError), heart(lease) as beating:
        1 / 0  # noqa: B018
    assert not beating.is_alive()


# In processes of their own: what hangs is ended with its process.

# Ticks for longer than a step may take, rests for as long, ticks again, and hangs.
TICKS = """
import sys, threading, time
from studies.store.files import open_files
from studies.engine.heart import Heart
from studies.store.leases import acquire
files = open_files(sys.argv[1])
files.look_seconds = 0.02
def hung(reason, where):
    print(reason, where, flush=True)
    raise OSError("even if it cannot be written down")
def stuck():
    time.sleep(60)
with Heart(acquire(files, "trial", "ours"), threading.Event(), 0.5, hung) as heart:
    for _ in range(35):
        time.sleep(0.02)
        heart.tick()
    heart.suspend()
    time.sleep(0.7)
    heart.tick()
    print("alive", flush=True)
    stuck()
"""

# The executor with a trainer that hangs in its second step.
HANGS = """
import sys, time, types
import torch
from studies.engine import worker as execute
from studies.store.store import Store
class Trainer:
    done, step, notes = False, 0, []
    device, source = torch.device("cpu"), types.SimpleNamespace(close=lambda: None)
    def __init__(self, *_):
        pass
    def train_epoch(self, pause):
        pause()
        self.second_step()
    def second_step(self):
        time.sleep(60)
sys.modules["studies.training.trainer"] = types.SimpleNamespace(Trainer=Trainer)
execute.default_device = lambda: "cpu"
store = Store(sys.argv[1])
execute.load_checkpoint = lambda *_: None
execute.prepare_device = lambda _: None
store.files.look_seconds = 0.02
list(execute.train(store, sys.argv[2], execute.Options("ours", step_timeout=0.5)))
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.slow
def test_a_training_that_ticks_or_rests_does_not_hang_and_one_that_does_neither_is_ended(tmp_path: Path) -> None:
    ended = run(TICKS, str(tmp_path))
    assert ended.returncode == HUNG, ended.stderr
    first, second, *_ = ended.stdout.splitlines()
    assert first == "alive"
    assert second.startswith("hung: no step for 0.5 s (--step-timeout)")
    assert "in stuck" in ended.stdout
    assert newest(open_files(tmp_path), "trial")[1].run == "ours", "of a dead process, for who comes next"
    assert acquire(open_files(tmp_path), "trial", "next") is not None


@pytest.mark.slow
def test_a_trial_that_hangs_is_marked_as_failed_and_its_process_ended(tmp_path: Path) -> None:
    scale = load_scale("digits")
    model = shrink(preset("vit_s_16"), scale.shrink, 16, 3, 10)
    trial = TrialSpec(model=model, data=scale.data, recipe=scale.recipe, seed=0)
    store = Store(tmp_path)
    store.plan(trial)
    ended = run(HANGS, str(tmp_path), trial.id)
    assert ended.returncode == HUNG, ended.stderr
    assert store.state(trial.id) == "failed"
    failure = store.failure(trial.id)
    assert failure["reason"] == "hung: no step for 0.5 s (--step-timeout)"
    assert failure["run"] == "ours"
    assert "in second_step" in store.files.read(f"trials/{trial.id}/traceback.txt").decode()
    assert newest(store.files, trial.id) is None, "its lease is released"
