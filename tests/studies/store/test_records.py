"""Records: whole or not at all, and known if they were changed."""

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import RESULT, TRIAL, change, flip, in_memory, names, small

from studies.store.errors import DamagedError
from studies.store.files import StoreError
from studies.store.leases import acquire
from studies.store.records import digest_of
from studies.store.store import Store
from studies.store.verification import problems
from studies.trials.trial import TrialSpec

# Records


def test_a_record_is_written_whole_or_not_at_all(
    trial: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.plan(trial)
    store.finish(trial.id, RESULT)
    before = names(store, trial.id)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space"):
        store.finish(trial.id, RESULT | {"top1": 2.0})
    assert store.result(trial.id) == RESULT
    assert names(store, trial.id) == before


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_figures_that_are_no_numbers_are_refused(store: Store, trial: TrialSpec, number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.finish(trial.id, RESULT | {"top1": number})
    assert store.state(trial.id) == "planned"
    assert not store.done(trial.id)


FIGURES = st.floats(0, 1e6)
RESULTS = st.fixed_dictionaries(
    {"top1": FIGURES, "history": st.lists(st.fixed_dictionaries({"epoch": st.integers(1, 300), "loss": FIGURES}))},
    optional={"host": st.text(max_size=8), "weights_sha256": st.text("0123456789abcdef", max_size=8)},
)


@settings(deadline=None)
@given(RESULTS, st.integers(min_value=0))
def test_a_bit_flipped_in_a_result_is_never_another_result(result: dict, bit: int) -> None:
    store, trial_id = Store(in_memory()), TRIAL.id
    store.finish(trial_id, result)
    assert store.result(trial_id) == result
    change(store, trial_id, "result.json", lambda content: flip(content, bit))
    if store.done(trial_id):
        assert store.result(trial_id) == result, "what changed was between the words"
        return
    assert store.state(trial_id) == "damaged"
    with pytest.raises(DamagedError) as caught:
        store.result(trial_id)
    assert str(caught.value).startswith(f"{store.folder(trial_id)}/result.json is damaged")
    assert len(str(caught.value).splitlines()) == 1


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_a_bit_flipped_in_a_trial_is_never_another_trial(bit: int) -> None:
    store = Store(in_memory())
    store.plan(TRIAL)
    change(store, TRIAL.id, "trial.json", lambda content: flip(content, bit))
    try:
        assert store.trial(TRIAL.id) == TRIAL
    except DamagedError:
        store.plan(TRIAL)
    assert store.trial(TRIAL.id) == TRIAL


@settings(deadline=None)
@given(RESULTS)
def test_a_digest_does_not_depend_on_the_order_of_keys(result: dict) -> None:
    assert digest_of(dict(reversed(result.items()))) == digest_of(result)
    assert digest_of(result | {"top1": result["top1"] + 1}) != digest_of(result)


def _sealed(content: dict) -> bytes:
    return json.dumps(content | {"sha256": digest_of(content)}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"top1": ',
        b"\xff",
        b'{"top1": 1.0, "history": []}',
        b'{"top1": 1.0, "history": [], "sha256": "0000000000000000"}',
        _sealed({"top1": 1.0}),
        _sealed({"history": []}),
    ],
)
def test_a_damaged_result_is_never_taken_for_a_trial_that_is_done(
    store: Store, trial: TrialSpec, content: bytes
) -> None:
    store.plan(trial)
    store.files.write(f"trials/{trial.id}/result.json", content)
    assert store.state(trial.id) == "damaged"
    assert not store.done(trial.id)
    with pytest.raises(DamagedError, match=r"result.json is damaged: .*the next run trains the trial anew"):
        store.result(trial.id)
    assert len(problems(store, trial.id)) == 1


def test_a_damaged_result_is_put_aside_and_trained_anew(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.finish(trial.id, RESULT)
    store.clear(trial.id)
    assert store.done(trial.id), "what is whole stays"
    change(store, trial.id, "result.json", lambda content: content.replace(b"91.5", b"99.5"))
    store.clear(trial.id)
    assert store.state(trial.id) == "planned"
    assert names(store, trial.id) == ["history.json", "result.json.damaged", "trial.json"]
    assert "put aside" in problems(store, trial.id)[0]
    store.finish(trial.id, RESULT)
    assert names(store, trial.id) == ["history.json", "result.json", "trial.json"]
    assert problems(store, trial.id) == []


def test_a_trial_in_the_folder_of_another_is_not_believed(store: Store, trial: TrialSpec) -> None:
    other = small(seed=1)
    store.plan(trial)
    store.files.write(f"trials/{other.id}/trial.json", store.files.read(f"trials/{trial.id}/trial.json"))
    with pytest.raises(DamagedError, match=f"its content is that of trial {trial.id}"):
        store.trial(other.id)
    store.plan(other)
    assert store.trial(other.id) == other


def test_a_trial_that_is_planned_again_is_not_written_again(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.finish(trial.id, RESULT)
    store.plan(trial)
    assert store.result(trial.id) == RESULT


def test_damage_elsewhere_does_not_block_what_is_whole(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.finish(trial.id, RESULT)
    for name in ("trial.json", "result.json", "lease.1.json", "failure.json", "pruned.json"):
        store.files.write(f"trials/{'0' * 16}/{name}", b"{")
    assert store.seeds() == {0}
    assert store.ids() == sorted(["0" * 16, trial.id])
    assert store.state("0" * 16) == "damaged"
    for name in ("trial.json", "lease.1.json"):
        store.files.write(f"trials/{trial.id}/{name}", b"{}")
    assert store.done(trial.id)
    store.plan(trial)
    assert store.trial(trial.id) == trial
    assert acquire(store.files, trial.id, "run") is not None


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_a_record_whose_numbers_became_none_is_damaged(store: Store, number: bytes) -> None:
    store.finish("t", {"top1": 12.5, "history": []})
    content = store.files.read("trials/t/result.json")
    assert content is not None
    store.files.write("trials/t/result.json", content.replace(b"12.5", number))
    assert store.state("t") == "damaged"


@pytest.mark.parametrize("name", ["failure.json", "pruned.json"])
def test_a_note_that_was_changed_is_a_problem(store: Store, name: str) -> None:
    store.fail("t", "why")
    store.prune("t", 1, 10.0)
    content = store.files.read(f"trials/t/{name}")
    assert content is not None
    store.files.write(f"trials/t/{name}", content.replace(b"1", b"2").replace(b"why", b"who"))
    assert any(name in problem for problem in problems(store, "t"))
