"""The store, in a folder and in memory: what is asked, what came of it, and that nothing damaged is believed."""

import errno
import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.scale_file import load_scale
from studies.store.checkpoints import load_checkpoint, save_checkpoint
from studies.store.files import StoreError
from studies.store.leases import acquire, born, host
from studies.store.records import STATES, digest_of
from studies.store.store import DamagedError, Store
from studies.store.verification import problems
from studies.trials.recipe import Recipe
from studies.trials.trial import SCHEMA_VERSION, Teacher, TrialSpec

HERE = Path(__file__).parents[1] / "trials"
RESULT = {"top1": 91.5, "loss": 0.3, "history": [{"epoch": 1, "top1": 91.5}]}


def small(seed: int = 0) -> TrialSpec:
    scale = load_scale("digits")
    model = shrink(preset("vit_s_16"), scale.shrink, 16, 3, 10)
    return TrialSpec(model=model, data=scale.data, recipe=scale.recipe, seed=seed)


TRIAL = small()


@pytest.fixture
def trial() -> TrialSpec:
    return TRIAL


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" if request.param == "local" else in_memory())


def in_memory() -> str:
    return f"memory://{uuid.uuid4().hex}/runs"


def change(store: Store, trial_id: str, name: str, how: Callable[[bytes], bytes]) -> None:
    """What a disk or a hand does to a file."""
    content = store.files.read(f"trials/{trial_id}/{name}")
    assert content is not None
    store.files.write(f"trials/{trial_id}/{name}", how(content))


def flip(content: bytes, bit: int) -> bytes:
    """One bit of a content changed."""
    changed = bytearray(content)
    changed[bit // 8 % len(content)] ^= 1 << bit % 8
    return bytes(changed)


def names(store: Store, trial_id: str) -> list[str]:
    return store.files.names(f"trials/{trial_id}")


def checkpoints(store: Store, trial_id: str) -> list[str]:
    return [name for name in names(store, trial_id) if name.startswith("checkpoint-")]


# What an id is


def test_an_id_is_a_function_of_all_that_changes_the_result(trial: TrialSpec) -> None:
    again = TrialSpec.model_validate(json.loads(trial.model_dump_json()))
    assert again.id == trial.id
    recipe = Recipe.model_validate(trial.recipe.model_dump() | {"lr": 0.001})
    model = trial.model.model_copy(update={"num_classes": 11})
    changed = [
        {"seed": 1},
        {"recipe": recipe},
        {"model": model},
        {"pretrained": "0" * 16},
        {"pretrained": "1" * 16},
        {"teacher": Teacher(trial="0" * 16)},
        {"teacher": Teacher(trial="0" * 16, tau=2.0)},
    ]
    assert len({trial.id, *(trial.model_copy(update=change).id for change in changed)}) == 1 + len(changed)


def test_an_id_does_not_change_from_one_version_to_the_next() -> None:
    # A change here orphans the trials in every store: raise SCHEMA_VERSION only with a migration.
    content = json.loads((HERE / "trial.json").read_text())
    plain = TrialSpec.model_validate(content)
    assert plain.content() == content, "every field of the first version is written out"
    assert plain.id == (HERE / "trial.id").read_text().strip()
    assert plain.schema_version == SCHEMA_VERSION


def test_a_trial_needs_each_of_its_parents_once(trial: TrialSpec) -> None:
    a, b = "a" * 16, "b" * 16
    assert trial.needs == []
    assert trial.model_copy(update={"pretrained": a}).needs == [a]
    assert trial.model_copy(update={"teacher": Teacher(trial=a), "pretrained": b}).needs == [a, b]
    assert trial.model_copy(update={"teacher": Teacher(trial=a), "pretrained": a}).needs == [a]


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
    assert store.format() == SCHEMA_VERSION
    store.plan(trial)
    assert store.check() is store
    store.prepare()
    assert store.ids() == [trial.id]


def test_a_store_of_a_newer_version_is_refused_in_one_line(store: Store) -> None:
    store.files.write("store.json", json.dumps({"schema_version": SCHEMA_VERSION + 1, "more": 1}).encode())
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
    assert names(store, trial.id) == ["result.json", "trial.json"]
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
    assert names(store, trial.id) == ["result.json.damaged", "trial.json"]
    assert "put aside" in problems(store, trial.id)[0]
    store.finish(trial.id, RESULT)
    assert names(store, trial.id) == ["result.json", "trial.json"]
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


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*--runs-dir") as caught:
        Store(tmp_path / "file" / "runs").prepare()
    assert len(str(caught.value).splitlines()) == 1


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
