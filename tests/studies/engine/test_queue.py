"""Which trial is next, with a real store that others use too."""

import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.engine import queue as queues
from studies.engine.queue import Queue, Task
from studies.language.scale_file import load_scale
from studies.store import leases
from studies.store.leases import LEASE_SECONDS, acquire
from studies.store.store import Store
from studies.trials.trial import Teacher, TrialSpec

RESULT: dict[str, Any] = {"top1": 50.0, "history": []}
SCALE = load_scale("digits")
MODEL = shrink(preset("vit_s_16"), SCALE.shrink, 16, 3, 10)


def small(seed: int, pretrained: TrialSpec | None = None, teacher: TrialSpec | None = None) -> TrialSpec:
    return TrialSpec(
        model=MODEL,
        data=SCALE.data,
        recipe=SCALE.recipe,
        seed=seed,
        pretrained=pretrained.id if pretrained else None,
        teacher=Teacher(trial=teacher.id) if teacher else None,
    )


A, B, C = small(0), small(1), small(2)
CHILD = small(3, pretrained=A)
GRANDCHILD = small(4, teacher=CHILD)


class Told:
    """What a queue tells a run, in order."""

    def __init__(self) -> None:
        self.ends: list[tuple] = []
        self.others: list[str] | None = None

    def epoch(self, trial_id: str, record: dict[str, Any]) -> None:
        raise AssertionError("a queue knows of no epochs")

    def done(self, trial_id: str, result: dict[str, Any], here: bool) -> None:
        self.ends.append(("done", trial_id, result.get("top1"), here))

    def failed(self, trial_id: str, reason: str) -> None:
        self.ends.append(("failed", trial_id, reason))

    def pruned(self, trial_id: str, epoch: int) -> None:
        self.ends.append(("pruned", trial_id, epoch))

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        self.others = list(trials)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.files.look_seconds = 0.0  # a look is cheap here
    return store


@pytest.fixture
def told() -> Told:
    return Told()


def queue(store: Store, told: Told, weights: dict[TrialSpec, float], **arguments: Any) -> Queue:
    """A queue of a run called ours over planned trials."""
    trials = list(weights)
    for trial in trials:
        store.plan(trial)
    return Queue(store, trials, {trial.id: weight for trial, weight in weights.items()}, told, "ours", **arguments)


def weighed(**weights: float) -> dict[TrialSpec, float]:
    """Weights by the names above."""
    return {globals()[name]: weight for name, weight in weights.items()}


def given_by(queue: Queue) -> str | None:
    task = queue.next()
    return task.trial if task else None


def finish(store: Store, queue: Queue, trial_id: str) -> None:
    """Train a trial, in no time."""
    store.finish(trial_id, RESULT, b"weights")
    queue.done(trial_id)


def drain(store: Store, queue: Queue) -> list[str]:
    """Train all, one at a time; the order."""
    order = []
    while not queue.finished:
        trial_id = given_by(queue)
        assert trial_id is not None
        order.append(trial_id)
        finish(store, queue, trial_id)
    return order


def test_the_longest_is_first(store: Store, told: Told) -> None:
    assert drain(store, queue(store, told, weighed(A=1, B=3, C=2))) == [B.id, C.id, A.id]
    assert told.ends == [("done", trial.id, 50.0, True) for trial in (B, C, A)]


def test_an_empty_queue_is_finished(store: Store, told: Told) -> None:
    empty = queue(store, told, {})
    assert empty.finished and empty.next() is None


def test_a_queue_is_finished_when_what_it_gave_has_ended(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=1))
    assert not q.finished
    assert q.next() == Task(A.id)
    assert not q.finished and q.given == {A.id}
    assert q.next() is None
    finish(store, q, A.id)
    assert q.finished


def test_a_trial_whose_result_is_gone_when_it_is_done_is_trained_again(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=1))
    assert given_by(q) == A.id
    q.done(A.id)
    assert not q.finished and A.id in q.waiting
    q.last_look = float("-inf")
    assert given_by(q) == A.id


def test_trials_are_added_while_a_run_goes_on(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(B=50))
    q.hold_open()
    assert given_by(q) == B.id
    finish(store, q, B.id)
    assert not q.finished, "more will come"
    assert q.next() is None
    q.add([A, C, B], {A.id: 1.0, C.id: 10.0, B.id: 50.0})
    assert given_by(q) == C.id, "the longest first, and none twice"
    q.add([CHILD], {CHILD.id: 100.0})
    assert given_by(q) == A.id, "which a new one waits for"
    finish(store, q, A.id)
    assert given_by(q) == CHILD.id
    finish(store, q, C.id)
    finish(store, q, CHILD.id)
    assert not q.finished
    q.let_finish()
    assert q.finished
    q.close()
    with pytest.raises(ValueError, match="takes no more trials"):
        q.add([C], {C.id: 1.0})


def test_a_child_waits_for_its_parent_and_the_parent_counts_with_it(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(CHILD=100, B=50, A=1, C=10))
    assert given_by(q) == A.id, "1, and 100 that wait for it"
    assert given_by(q) == B.id, "the longest that is ready"
    finish(store, q, A.id)
    assert given_by(q) == CHILD.id
    assert given_by(q) == C.id


def test_a_chain_counts_as_a_whole(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(GRANDCHILD=30, CHILD=30, B=80, A=30))
    assert drain(store, q) == [A.id, B.id, CHILD.id, GRANDCHILD.id]


@st.composite
def families(draw: st.DrawFn) -> dict[TrialSpec, float]:
    """Trials, some of which start from others, with weights, in any order."""
    made: list[TrialSpec] = []
    for seed in range(draw(st.integers(1, 7))):
        parents = st.none() | st.sampled_from(made) if made else st.none()
        made.append(small(seed, draw(parents), draw(parents)))
    return {trial: draw(st.floats(0, 1e6)) for trial in draw(st.permutations(made))}


@settings(deadline=None)
@given(families())
def test_every_trial_is_given_once_after_all_that_it_needs(weights: dict[TrialSpec, float]) -> None:
    store, told = Store(f"memory://{uuid.uuid4().hex}"), Told()
    order = drain(store, queue(store, told, weights))
    assert sorted(order) == sorted(trial.id for trial in weights)
    for trial in weights:
        assert all(order.index(needed) < order.index(trial.id) for needed in trial.needs)
    free = [trial for trial in weights if not trial.needs]
    if len(free) == len(weights):
        assert order == [trial.id for trial in sorted(free, key=lambda trial: -weights[trial])]
    assert told.ends == [("done", trial_id, 50.0, True) for trial_id in order]


def test_what_failed_before_is_last_and_gets_a_new_chance(store: Store, told: Told) -> None:
    store.fail(B.id, "why", "where", "an earlier run")
    q = queue(store, told, weighed(A=1, B=100, C=2))
    assert [given_by(q), given_by(q)] == [C.id, A.id]
    assert store.failure(B.id) is not None
    assert given_by(q) == B.id
    assert store.failure(B.id) is None
    assert told.ends == []


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


def test_a_failure_takes_along_all_that_starts_from_it(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=1, CHILD=1, GRANDCHILD=1, B=0.5))
    assert given_by(q) == A.id
    store.fail(A.id, "why", "where", "ours")
    q.failed(A.id, "why")
    assert given_by(q) == B.id
    assert told.ends == [
        ("failed", A.id, "why"),
        ("failed", CHILD.id, f"trial {A.id}, which it starts from, did not finish"),
        ("failed", GRANDCHILD.id, f"trial {CHILD.id}, which it starts from, did not finish"),
    ]
    finish(store, q, B.id)
    assert q.finished


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


def test_what_comes_back_is_given_again_after_the_others(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=3, B=2))
    assert given_by(q) == A.id
    q.back(A.id)
    assert q.given == set() and not q.finished
    assert [given_by(q), given_by(q)] == [B.id, A.id]
    q.back(A.id)
    q.back(A.id)
    assert given_by(q) == A.id
    assert q.next() is None
    assert told.ends == []


def test_a_queue_with_nothing_to_give_looks_again_only_after_a_while(
    store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(monotonic=100.0)
    monkeypatch.setattr(queues, "time", SimpleNamespace(monotonic=lambda: now.monotonic))
    store.files.look_seconds = 5.0
    theirs = acquire(store.files, A.id, "theirs")
    q = queue(store, told, weighed(A=1, B=2))
    assert given_by(q) == B.id
    assert q.next() is None
    theirs.release()
    now.monotonic += 4.9
    assert q.next() is None
    now.monotonic += 0.1
    assert given_by(q) == A.id
    q.back(A.id)
    assert q.next() is None
    finish(store, q, B.id)
    assert given_by(q) == A.id, "the end of a trial may have made others ready"


def test_a_closed_queue_gives_nothing_more(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=1, B=2))
    assert given_by(q) == B.id
    q.close()
    assert q.next() is None
    assert q.finished
    finish(store, q, B.id)
    q.back(A.id)
    assert q.next() is None and q.finished
    assert told.ends == [("done", B.id, 50.0, True)]


def test_early_stopping_ends_neither_what_others_need_nor_what_is_kept(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=4, B=3, C=2, CHILD=1), keep=[B.id])
    tasks = [q.next() for _ in range(3)]
    assert [(task.trial, task.may_stop) for task in tasks if task] == [(A.id, False), (B.id, False), (C.id, True)]
    finish(store, q, A.id)
    assert q.next() == Task(CHILD.id)
    store.prune(C.id, 2, 40.0, "ours")
    q.pruned(C.id, 2)
    assert told.ends[-1] == ("pruned", C.id, 2)
    assert q.given == {B.id, CHILD.id}


def test_what_was_stopped_early_before_goes_on(store: Store, told: Told) -> None:
    store.prune(A.id, 2, 40.0, "an earlier run")
    assert given_by(queue(store, told, weighed(A=1))) == A.id
    assert store.pruned(A.id) is None


def test_a_damaged_result_is_put_aside_and_trained_anew(store: Store, told: Told) -> None:
    store.finish(A.id, RESULT)
    store.files.write(f"trials/{A.id}/result.json", b"{")
    q = queue(store, told, weighed(A=1))
    assert given_by(q) == A.id
    assert store.files.names(f"trials/{A.id}") == ["result.json.damaged", "trial.json"]


def test_a_trial_that_needs_one_which_nobody_trains_fails_at_once(store: Store, told: Told) -> None:
    q = queue(store, told, {CHILD: 1.0})
    assert q.next() is None
    assert q.finished
    assert told.ends and "is not trained and not in this run" in str(told.ends[0])


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
