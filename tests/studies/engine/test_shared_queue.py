"""What a queue does where other runs train the same trials."""

import json
import time
from types import SimpleNamespace

import pytest
from queues import CHILD, RESULT, A, B, Told, finish, given_by, queue, weighed

from studies.engine.queue import Task
from studies.store import leases
from studies.store.leases import LEASE_SECONDS, acquire
from studies.store.store import Store


def test_a_trial_of_another_run_is_passed_over_until_it_is_free(store: Store, told: Told) -> None:
    theirs = acquire(store.files, B.id, "theirs")
    q = queue(store, told, weighed(A=1, B=3))
    assert given_by(q) == A.id
    assert q.next() is None
    assert told.others == [B.id]
    assert not q.finished, "it is waited for"
    theirs.release()
    assert q.next() == Task(B.id)


def test_a_trial_of_a_dead_process_is_given_with_its_lease(store: Store, told: Told) -> None:
    lease = {"run": "theirs", "host": leases.host(), "pid": 1, "born": "gone", "token": "t"}
    store.files.write(f"trials/{A.id}/lease.7.json", json.dumps(lease).encode())
    q = queue(store, told, weighed(A=1))
    assert q.next() == Task(A.id, dead_lease="t")
    assert acquire(store.files, A.id, "ours", dead="t").held()


def test_a_trial_of_another_machine_is_given_when_its_lease_did_not_change(
    store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(monotonic=0.0)
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: now.monotonic, time=time.time))
    lease = {"run": "theirs", "host": "elsewhere", "pid": 1, "born": "1", "token": "t"}
    q = queue(store, told, weighed(A=1))
    for beat in (0, 1):
        store.files.write(f"trials/{A.id}/lease.3.json", json.dumps(lease | {"beat": beat}).encode())
        assert q.next() is None
        now.monotonic += LEASE_SECONDS - 1
        assert q.next() is None
        assert told.others == [A.id]
    now.monotonic += 2
    assert q.next() == Task(A.id, dead_lease="t")


def test_our_own_lease_is_no_hindrance(store: Store, told: Told) -> None:
    acquire(store.files, A.id, "ours")  # of a worker of ours that died, say
    assert given_by(queue(store, told, weighed(A=1))) == A.id


def test_what_another_run_has_done_meanwhile_is_told_and_not_given(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=1, B=3))
    store.finish(B.id, RESULT)
    assert given_by(q) == A.id
    assert told.ends == [("done", B.id, 50.0, False)]
    finish(store, q, A.id)
    assert q.finished


def test_a_parent_that_another_run_trains_is_waited_for(store: Store, told: Told) -> None:
    theirs = acquire(store.files, A.id, "theirs")
    q = queue(store, told, weighed(A=1, CHILD=1))
    assert q.next() is None
    assert told.others == [A.id]
    store.finish(A.id, RESULT, b"weights")
    theirs.release()
    assert given_by(q) == CHILD.id
    assert told.ends == [("done", A.id, 50.0, False)]


def test_a_parent_outside_the_queue_is_in_the_store(store: Store, told: Told) -> None:
    store.finish(A.id, RESULT, b"weights")
    assert given_by(queue(store, told, weighed(CHILD=1))) == CHILD.id


@pytest.mark.parametrize("weights", [None, b"weights"])
def test_a_parent_without_its_weights_is_trained_anew(store: Store, told: Told, weights: bytes | None) -> None:
    store.finish(A.id, RESULT, weights)
    q = queue(store, told, weighed(A=1, CHILD=1, B=0.5))
    if weights is None:
        assert [given_by(q), given_by(q)] == [A.id, B.id]
        assert q.next() is None
        finish(store, q, A.id)
    assert given_by(q) == CHILD.id


def test_what_fails_in_another_run_meanwhile_fails_here(store: Store, told: Told) -> None:
    store.fail(A.id, "as before", "", "an earlier run")
    q = queue(store, told, weighed(A=1, B=2, CHILD=1))
    store.fail(A.id, "anew", "", "theirs")
    assert given_by(q) == B.id
    assert q.next() is None
    assert q.next() is None
    assert told.ends == [
        ("failed", A.id, "anew"),
        ("failed", CHILD.id, f"trial {A.id}, which it starts from, did not finish"),
    ]
    finish(store, q, B.id)
    assert q.finished


@pytest.mark.parametrize("early_stop", [True, False])
def test_what_another_run_stops_early_meanwhile_is_stopped_here_if_this_one_stops_too(
    store: Store, told: Told, early_stop: bool
) -> None:
    store.prune(A.id, 1, 10.0, "an earlier run")
    q = queue(store, told, weighed(A=1, B=2), early_stop=early_stop)
    store.prune(B.id, 3, 40.0, "theirs")
    assert given_by(q) == (A.id if early_stop else B.id)
    assert told.ends == ([("pruned", B.id, 3)] if early_stop else [])
    assert (store.state(B.id) == "pruned") is early_stop
