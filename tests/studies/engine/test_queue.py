"""Which trial is next, with a real store that others use too."""

import cProfile
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queues import CHILD, GRANDCHILD, RESULT, A, B, C, Told, drain, finish, given_by, queue, small, weighed

from studies.engine import queue as queues
from studies.engine.queue import Task
from studies.store.leases import acquire
from studies.store.store import Store
from studies.trials.trial import TrialSpec


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


def test_what_this_run_stopped_early_is_given_again_when_it_is_added_again(store: Store, told: Told) -> None:
    q = queue(store, told, weighed(A=1))
    assert given_by(q) == A.id
    store.prune(A.id, 2, 40.0, "ours")
    q.pruned(A.id, 2)
    assert q.finished
    q.add([A], {A.id: 1.0})
    assert given_by(q) == A.id and A.id not in q.lost


def test_a_damaged_result_is_put_aside_and_trained_anew(store: Store, told: Told) -> None:
    store.finish(A.id, RESULT)
    store.files.write(f"trials/{A.id}/result.json", b"{")
    q = queue(store, told, weighed(A=1))
    assert given_by(q) == A.id
    assert store.files.names(f"trials/{A.id}") == ["history.json", "result.json.damaged", "trial.json"]


def test_a_trial_that_needs_one_which_nobody_trains_fails_at_once(store: Store, told: Told) -> None:
    q = queue(store, told, {CHILD: 1.0})
    assert q.next() is None
    assert q.finished
    assert told.ends and "is not trained and not in this run" in str(told.ends[0])


def test_what_is_done_for_a_trial_does_not_grow_with_the_number_of_trials(tmp_path: Path) -> None:
    def calls(trials: int) -> int:
        store = Store(tmp_path / str(trials))
        q = queue(store, Told(), {small(seed): 1.0 for seed in range(trials)})
        profile = cProfile.Profile()
        profile.enable()
        trial_id = given_by(q)
        profile.disable()
        assert trial_id is not None
        store.finish(trial_id, RESULT)
        profile.enable()
        q.done(trial_id)
        profile.disable()
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(60) < calls(6) + 50, "fewer than one more for each of the others"
