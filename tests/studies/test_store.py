import json
import os
import socket
from pathlib import Path

import pytest

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.scale import Recipe, load_scale
from studies.store import Store, StoreError
from studies.trial import TrialSpec


@pytest.fixture
def trial() -> TrialSpec:
    scale = load_scale("digits")
    return TrialSpec(
        model=shrink(preset("vit_s_16"), scale.shrink, 16, 3, 10),
        data=scale.data,
        recipe=scale.recipe,
        seed=0,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def test_an_id_is_a_function_of_all_that_changes_the_result(trial: TrialSpec) -> None:
    again = TrialSpec.model_validate(json.loads(trial.model_dump_json()))
    assert again.id == trial.id
    recipe = Recipe.model_validate(trial.recipe.model_dump() | {"lr": 0.001})
    model = trial.model.model_copy(update={"num_classes": 11})
    changed = [{"seed": 1}, {"recipe": recipe}, {"model": model}]
    assert len({trial.id, *(trial.model_copy(update=change).id for change in changed)}) == 4


def test_an_id_does_not_change_from_one_version_to_the_next(trial: TrialSpec) -> None:
    # A change here orphans the trials in every store: raise SCHEMA_VERSION only with a migration.
    plain = TrialSpec.model_validate(json.loads((Path(__file__).parent / "trial.json").read_text()))
    assert plain.id == (Path(__file__).parent / "trial.id").read_text().strip()


def test_reading_a_store_that_is_not_there_creates_nothing(store: Store, trial: TrialSpec) -> None:
    assert store.state(trial.id) == "planned"
    assert store.result(trial.id) is None
    assert store.seeds() == set()
    assert not store.root.exists()


def test_states_follow_from_the_files(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    assert store.state(trial.id) == "planned"
    store.lease(trial.id)
    assert store.state(trial.id) == "running"
    store.fail(trial.id, "why", "where")
    assert store.state(trial.id) == "failed"
    store.lease(trial.id)
    store.finish(trial.id, {"top1": 1.0, "history": []})
    assert store.state(trial.id) == "done"
    assert store.failure(trial.id) is None
    assert store.seeds() == {0}
    assert store.trial(trial.id) == trial
    store.forget(trial.id)
    assert store.state(trial.id) == "planned"


def test_a_lease_of_a_dead_process_is_not_believed(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    dead = {"host": socket.gethostname(), "pid": 2**22 + 1, "time": 0}
    (store.folder(trial.id) / "lease.json").write_text(json.dumps(dead))
    assert store.state(trial.id) == "planned"


def test_a_lease_of_another_host_is_believed_while_it_is_renewed(store: Store, trial: TrialSpec) -> None:
    import time

    store.plan(trial)
    lease = store.folder(trial.id) / "lease.json"
    lease.write_text(json.dumps({"host": "elsewhere", "pid": 1, "time": time.time() - 5}))
    assert store.state(trial.id) == "running"
    lease.write_text(json.dumps({"host": "elsewhere", "pid": 1, "time": time.time() - 5000}))
    assert store.state(trial.id) == "planned"


def test_a_file_is_written_whole_or_not_at_all(store: Store, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    store.plan(trial)
    store.finish(trial.id, {"top1": 1.0, "history": []})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.finish(trial.id, {"top1": 2.0, "history": []})
    assert store.result(trial.id) == {"top1": 1.0, "history": []}


def test_figures_that_are_no_numbers_are_refused(store: Store, trial: TrialSpec) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.finish(trial.id, {"top1": float("nan")})
    assert store.state(trial.id) == "planned"


def test_a_torn_checkpoint_is_put_aside(store: Store, trial: TrialSpec) -> None:
    store.save_checkpoint(trial.id, {"step": 3})
    assert store.load_checkpoint(trial.id) == {"step": 3}
    path = store.folder(trial.id) / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:100])
    assert store.load_checkpoint(trial.id) is None
    assert not path.exists()


def test_a_torn_result_is_an_error_that_says_where(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    (store.folder(trial.id) / "result.json").write_text('{"top1": ')
    with pytest.raises(StoreError, match=r"cannot read .*result.json"):
        store.result(trial.id)


@pytest.mark.parametrize("content", ["{}", "[]", '{"top1": '])
def test_a_damaged_result_is_never_taken_for_a_trial_that_is_done(store: Store, trial: TrialSpec, content: str) -> None:
    store.plan(trial)
    (store.folder(trial.id) / "result.json").write_text(content)
    with pytest.raises(StoreError, match=r"cannot read .*result.json"):
        store.state(trial.id)


def test_damage_elsewhere_does_not_block_what_is_whole(store: Store, trial: TrialSpec) -> None:
    store.plan(trial)
    store.finish(trial.id, {"top1": 1.0, "history": []})
    other = store.folder("0" * 16)
    other.mkdir()
    for name in ("trial.json", "result.json", "lease.json"):
        (other / name).write_text("{")
    assert store.seeds() == {0}
    (store.folder(trial.id) / "trial.json").write_text("{}")
    (store.folder(trial.id) / "lease.json").write_text("{}")
    store.plan(trial)
    assert store.trial(trial.id) == trial


def test_a_store_has_one_run_at_a_time(store: Store) -> None:
    with store.lock(), pytest.raises(StoreError, match="another run is using"), Store(store.root).lock():
        pass
    with store.lock():
        pass


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match=r"cannot write to .*choose another --runs-dir"),
        Store(tmp_path / "file").lock(),
    ):
        pass
