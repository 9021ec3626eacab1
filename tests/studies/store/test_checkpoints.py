"""Checkpoints and weights."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import RESULT, TRIAL, change, checkpoints, flip, in_memory

from studies.store.checkpoints import load_checkpoint, save_checkpoint
from studies.store.store import Store
from studies.store.verification import problems
from studies.trials.trial import TrialSpec

# Checkpoints


def test_a_checkpoint_takes_the_place_of_the_one_before(store: Store, trial: TrialSpec) -> None:
    for step in (9, 10, 100):
        save_checkpoint(store, trial.id, step, {"step": step})
        assert len(checkpoints(store, trial.id)) == 1
        assert load_checkpoint(store, trial.id) == {"step": step}


def save_both(store: Store, trial_id: str) -> tuple[str, str]:
    """Checkpoints of two steps, as a process leaves them that is killed while it saves the second."""
    save_checkpoint(store, trial_id, 9, {"step": 9})
    [first] = checkpoints(store, trial_id)
    content = store.files.read(f"trials/{trial_id}/{first}")
    save_checkpoint(store, trial_id, 10, {"step": 10})
    [second] = checkpoints(store, trial_id)
    store.files.write(f"trials/{trial_id}/{first}", content)
    return first, second


DAMAGE = {"torn": lambda content: content[:100], "empty": lambda _: b"", "a bit": lambda content: flip(content, 4321)}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_put_aside_for_the_one_before(store: Store, trial: TrialSpec, damage: str) -> None:
    first, second = save_both(store, trial.id)
    assert load_checkpoint(store, trial.id) == {"step": 10}, "the later one, though 9 sorts after 10"
    change(store, trial.id, second, DAMAGE[damage])
    assert [f"{second}: torn or changed" in text for text in problems(store, trial.id)].count(True) == 1
    assert load_checkpoint(store, trial.id) == {"step": 9}
    assert checkpoints(store, trial.id) == sorted([first, f"{second}.damaged"])
    change(store, trial.id, first, DAMAGE[damage])
    assert load_checkpoint(store, trial.id) is None
    assert checkpoints(store, trial.id) == sorted([f"{first}.damaged", f"{second}.damaged"])
    assert len([text for text in problems(store, trial.id) if "put aside" in text]) == 2
    save_checkpoint(store, trial.id, 11, {"step": 11})
    assert load_checkpoint(store, trial.id) == {"step": 11}
    assert len(checkpoints(store, trial.id)) == 1


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_a_bit_flipped_in_a_checkpoint_is_never_loaded(bit: int) -> None:
    store = Store(in_memory())
    save_checkpoint(store, TRIAL.id, 3, {"step": 3, "history": [{"top1": 1.0}]})
    [name] = checkpoints(store, TRIAL.id)
    change(store, TRIAL.id, name, lambda content: flip(content, bit))
    assert load_checkpoint(store, TRIAL.id) is None
    assert checkpoints(store, TRIAL.id) == [f"{name}.damaged"]


SHORT_OF_MEMORY = """
import re, resource, sys
from pathlib import Path

import torch

from studies.store.checkpoints import load_checkpoint
from studies.store.store import Store

store, trial, size = Store(sys.argv[1]), sys.argv[2], int(sys.argv[3])
used = int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 3 * size // 2, resource.RLIM_INFINITY))  # for the file, no tensor
load_checkpoint(store, trial)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems hold no process to RLIMIT_AS")
@pytest.mark.slow
def test_a_good_checkpoint_stays_when_memory_is_too_short_to_load_it(tmp_path: Path, trial: TrialSpec) -> None:
    store, size = Store(tmp_path), 2**26  # large enough that the allocator asks the system for it
    save_checkpoint(store, trial.id, 9, {"weights": torch.ones(size // 4)})
    before = checkpoints(store, trial.id)
    # In a process of its own, which has no freed memory that could be had again.
    command = [sys.executable, "-c", SHORT_OF_MEMORY, str(tmp_path), trial.id, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "can't allocate memory" in done.stderr.splitlines()[-1], done.stderr
    assert checkpoints(store, trial.id) == before
    state = load_checkpoint(store, trial.id)
    assert state is not None and state["weights"].sum() == size // 4


# Weights


def test_weights_belong_to_their_result(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.finish(trial.id, RESULT, b"weights")
    assert store.weights(trial.id) == b"weights"
    assert store.parent(trial.id) == (trial.model, b"weights")
    assert store.done(trial.id, weights=True)
    assert problems(store, trial.id) == []
    change(store, trial.id, "weights.safetensors", lambda content: flip(content, 5))
    assert store.weights(trial.id) is None
    assert store.parent(trial.id) is None
    assert store.done(trial.id) and not store.done(trial.id, weights=True)
    assert "not the weights of this result" in problems(store, trial.id)[0]
    store.files.remove(f"trials/{trial.id}/weights.safetensors")
    assert not store.done(trial.id, weights=True)
    assert "or gone" in problems(store, trial.id)[0]


def test_weights_without_a_result_or_of_another_are_not_believed(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.files.write(f"trials/{trial.id}/weights.safetensors", b"weights")
    assert store.weights(trial.id) is None, "killed between the two"
    store.finish(trial.id, RESULT)
    assert store.weights(trial.id) is None
    assert not store.done(trial.id, weights=True)
    store.finish(trial.id, RESULT, b"others")
    store.files.write(f"trials/{trial.id}/weights.safetensors", b"weights")
    assert store.weights(trial.id) is None
