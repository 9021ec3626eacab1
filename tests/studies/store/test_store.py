"""The store, in a folder and in memory: what is asked, what came of it, and that nothing damaged is believed."""

import json
import os
import time
from pathlib import Path

import pytest
from stores import RESULT, TRIAL, change, checkpoints, flip, in_memory, names

from studies.store.checkpoints import load_checkpoint, save_checkpoint
from studies.store.files import StoreError
from studies.store.leases import acquire, born, host
from studies.store.records import STATES
from studies.store.root import FORMAT
from studies.store.store import Store
from studies.store.verification import problems
from studies.trials.trial import TrialSpec

# What a store is, and of which version


def test_reading_a_store_that_is_not_there_creates_nothing(store: Store, trial: TrialSpec) -> None:
    assert store.format() is None
    assert store.check() is store
    assert store.ids() == []
    assert store.state(trial.id) == "planned"
    assert store.result(trial.id) is None
    assert store.failure(trial.id) is None
    assert store.pruned(trial.id) is None
    assert store.weights(trial.id) is None
    assert store.parent(trial.id) is None
    assert load_checkpoint(store, trial.id) is None
    assert not store.done(trial.id)
    assert store.seeds() == set()
    assert problems(store, trial.id) == [f"no trial '{trial.id}' in {store.root}"]
    with pytest.raises(StoreError, match=f"no trial '{trial.id}' in {store.root}"):
        store.trial(trial.id)
    store.clear(trial.id)
    store.forget(trial.id)
    assert not store.files.exists("")


def test_a_prepared_store_has_this_version(store: Store, trial: TrialSpec) -> None:
    store.prepare()
    assert store.format() == FORMAT
    store.plan(trial)
    assert store.check() is store
    store.prepare()
    assert store.ids() == [trial.id]


def test_a_store_of_a_newer_version_is_refused_in_one_line(store: Store) -> None:
    store.files.write("store.json", json.dumps({"schema_version": FORMAT + 1, "more": 1}).encode())
    with pytest.raises(StoreError, match=r"newer version.*upgrade.*--runs-dir") as caught:
        store.check()
    assert str(caught.value).startswith(store.root)
    assert len(str(caught.value).splitlines()) == 1


def test_a_store_of_an_older_version_is_refused_naming_what_brings_it_up_to_date(store: Store) -> None:
    store.files.write("trials/0/trial.json", b"{}")
    assert store.format() == 1, "the first schema wrote no version"
    with pytest.raises(StoreError, match=f"`studies store migrate --runs-dir {store.root}`") as caught:
        store.check()
    assert len(str(caught.value).splitlines()) == 1
    store.files.write("store.json", b'{"schema_version": 1}')
    with pytest.raises(StoreError, match="studies store migrate"):
        store.check()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"schema_version": null}', b"\xff"])
def test_a_damaged_version_blocks_nothing(store: Store, trial: TrialSpec, content: bytes) -> None:
    store.prepare()
    store.plan(trial)
    store.files.write("store.json", content)
    assert store.check().trial(trial.id) == trial


# States


def test_states_follow_from_the_files(store: Store, trial: TrialSpec) -> None:
    seen = []

    def state() -> str:
        seen.append(store.state(trial.id))
        return seen[-1]

    store.plan(trial)
    assert state() == "planned"
    lease = acquire(store.files, trial.id, "run")
    assert state() == "running"
    store.fail(trial.id, "why", "where", "run")
    assert state() == "running", "it fails when it is let go of"
    lease.release()
    assert state() == "failed"
    store.clear(trial.id)
    assert state() == "planned"
    store.prune(trial.id, 2, 40.0, "run")
    assert state() == "pruned"
    lease = acquire(store.files, trial.id, "another run")
    assert state() == "running"
    store.finish(trial.id, RESULT)
    assert state() == "done"
    lease.release()
    change(store, trial.id, "result.json", lambda content: content[:-1])
    assert state() == "damaged"
    assert set(seen) == set(STATES)
    store.forget(trial.id)
    assert state() == "planned"
    assert store.ids() == []


def test_a_result_is_kept_and_ends_all_else(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    save_checkpoint(store, trial.id, 3, {"step": 3})
    store.fail(trial.id, "why", "where")
    store.prune(trial.id, 1, 40.0)
    store.finish(trial.id, RESULT)
    assert names(store, trial.id) == ["history.json", "result.json", "trial.json"]
    assert store.result(trial.id) == RESULT
    assert store.failure(trial.id) is None
    assert store.pruned(trial.id) is None
    assert store.seeds() == {0}
    assert store.trial(trial.id) == trial
    assert problems(store, trial.id) == []


def test_a_failure_says_why_where_and_in_which_run(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    save_checkpoint(store, trial.id, 3, {"step": 3})
    store.fail(trial.id, "the loss is nan", "line 7", "run")
    failure = store.failure(trial.id)
    assert failure == {
        "reason": "the loss is nan",
        "traceback": f"{store.folder(trial.id)}/traceback.txt",
        "run": "run",
    }
    assert store.files.read(f"trials/{trial.id}/traceback.txt") == b"line 7"
    assert load_checkpoint(store, trial.id) == {"step": 3}, "the next run goes on from it"
    store.clear(trial.id)
    assert store.failure(trial.id) is None
    assert names(store, trial.id) == [*checkpoints(store, trial.id), "trial.json"]


def test_a_pruned_trial_can_go_on(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    save_checkpoint(store, trial.id, 3, {"step": 3})
    store.prune(trial.id, 2, 41.5, "run")
    assert store.pruned(trial.id) == {"epoch": 2, "top1": 41.5, "run": "run"}
    assert not store.done(trial.id)
    store.clear(trial.id)
    assert store.pruned(trial.id) is None
    assert load_checkpoint(store, trial.id) == {"step": 3}


def test_a_damaged_note_says_so_and_nothing_else(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.fail(trial.id, "why")
    change(store, trial.id, "failure.json", lambda content: content.replace(b"why", b"who"))
    assert store.state(trial.id) == "failed"
    assert list(store.failure(trial.id)) == ["reason"]
    assert "failure.json is damaged" in store.failure(trial.id)["reason"]


def test_a_lease_of_a_dead_process_is_not_believed(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    lease = {"run": "r", "host": host(), "pid": os.getpid(), "born": "1", "time": time.time(), "token": "t"}
    store.files.write(f"trials/{trial.id}/lease.1.json", json.dumps(lease).encode())
    assert store.state(trial.id) == "planned"
    lease["born"] = born(os.getpid())
    store.files.write(f"trials/{trial.id}/lease.2.json", json.dumps(lease).encode())
    assert store.state(trial.id) == "running"


def test_a_lease_of_another_host_is_believed_while_it_is_renewed(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    lease = {"run": "r", "host": "elsewhere", "pid": 1, "born": "1", "token": "t"}
    for age, state in ((5, "running"), (5000, "planned")):
        content = json.dumps(lease | {"time": time.time() - age}).encode()
        store.files.write(f"trials/{trial.id}/lease.1.json", content)
        assert store.state(trial.id) == state


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*--runs-dir") as caught:
        Store(tmp_path / "file" / "runs").prepare()
    assert len(str(caught.value).splitlines()) == 1


def test_what_a_killed_training_left_half_written_is_swept_and_no_more(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.plan(TRIAL)
    kept = [".lease.1.json.12345678", ".trial.json.12345678", "trial.json"]
    for name in (".checkpoint-3-ab.pt.12345678", ".result.json.12345678", ".weights.safetensors.12345678", *kept[:2]):
        store.files.write(f"trials/{TRIAL.id}/{name}", b"half")
    store.sweep(TRIAL.id)
    assert names(store, TRIAL.id) == kept


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(StoreError, match=r"runs is no folder: choose another --runs-dir"):
        Store(tmp_path / "runs").check()


@pytest.mark.parametrize("bit", range(0, 8 * 110, 3))
def test_a_bit_flipped_in_the_stores_own_record_never_makes_it_of_another_version(bit: int) -> None:
    store = Store(in_memory())
    store.prepare()
    content = store.files.read("store.json")
    assert content is not None
    store.files.write("store.json", flip(content, bit))
    assert store.check().format() == FORMAT


def test_a_store_without_a_digest_of_its_own_record_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.files.write("store.json", b'{"format": 2}')
    assert store.check().format() == 2
    store.files.write("store.json", b'{"schema_version": 1}')
    assert store.format() == 1
