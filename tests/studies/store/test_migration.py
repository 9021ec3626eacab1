"""Stores of the first schema, as they were written then, brought up to date."""

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Studies, one_line

from searchspace.expand import SpecError
from studies.store.files import StoreError
from studies.store.migration import migrate
from studies.store.root import FORMAT
from studies.store.store import Store
from studies.store.verification import problems

HERE = Path(__file__).parents[1] / "trials"
OLD_ID = "55bc976692a1d712"  # of trial.json under the first schema


def result(seed: int) -> dict[str, Any]:
    """Figures with all their digits."""
    loss = (seed + 1) / 3
    history = [{"epoch": 1, "top1": 100 / 7, "loss": loss}, {"epoch": 2, "top1": 91.53000000000002, "loss": 1e-05}]
    return {"top1": 91.53000000000002, "loss": loss, "params": 193_600, "history": history, "versions": {"torch": "2"}}


def old_trial(seed: int = 0) -> dict[str, Any]:
    """The trial of trial.json as the first schema wrote it."""
    content = json.loads((HERE / "trial.json").read_text())
    content = {name: value for name, value in content.items() if name not in ("teacher", "pretrained")}
    return content | {"schema_version": 1, "seed": seed}


def old_id(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_old(root: Path, seed: int = 0, **files: Any) -> Path:
    """A trial as the first schema kept it, with more files by their stems; its folder."""
    content = old_trial(seed)
    folder = root / "trials" / old_id(content)
    folder.mkdir(parents=True)
    for name, value in ({"trial": content} | files).items():
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1))
    return folder


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of the first schema: two trials that are done, one that failed, one that was begun, one planned."""
    root = tmp_path / "runs"
    write_old(root, 0, result=result(0))
    write_old(root, 1, result=result(1))
    failed = write_old(root, 2, failure={"reason": "the loss is nan", "traceback": "somewhere", "time": 1.5})
    (failed / "traceback.txt").write_text("line 7")
    begun = write_old(root, 3, lease={"host": "elsewhere", "pid": 1, "time": 2.5})
    (begun / "checkpoint.pt").write_bytes(b"of the first schema")
    write_old(root, 4)
    (root / "lock").write_text("")
    return root


def test_the_trial_of_the_first_schema_has_the_id_it_had() -> None:
    assert old_id(old_trial()) == OLD_ID


def test_ids_change_and_results_are_kept_to_the_digit(old: Path) -> None:
    store = Store(old)
    before = set(store.ids())
    assert migrate(store) == (5, [])
    assert store.format() == FORMAT
    store.check()
    assert not before & set(store.ids())
    trials = {store.trial(trial_id).seed: trial_id for trial_id in store.ids()}
    assert trials.keys() == {0, 1, 2, 3, 4}
    assert trials[0] == (HERE / "trial.id").read_text().strip()
    assert store.result(trials[0]) == result(0)
    assert store.result(trials[1]) == result(1)
    assert [store.state(trials[seed]) for seed in range(5)] == ["done", "done", "failed", "planned", "planned"]
    assert store.failure(trials[2])["reason"] == "the loss is nan"
    assert [problem for trial_id in store.ids() for problem in problems(store, trial_id)] == []
    for seed, trial_id in trials.items():
        trial = store.trial(trial_id)
        assert trial.id == trial_id
        assert trial.content() == old_trial(seed) | {
            "schema_version": 2,
            "teacher": None,
            "pretrained": None,
        }


def test_a_second_migration_does_nothing(old: Path) -> None:
    migrate(Store(old))
    before = everything(old)
    assert migrate(Store(old)) == (0, [])
    assert everything(old) == before


def test_a_store_of_this_version_is_left_as_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    before = everything(tmp_path)
    assert migrate(store) == (0, [])
    assert everything(tmp_path) == before


class Killed(BaseException):
    """As if the process were."""


def after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is killed instead of its next call after so many."""
    left = iter(range(calls))

    def called(*arguments: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return function(*arguments, **named)

    return called


@pytest.mark.parametrize(("step", "moment"), [*(("write", i) for i in range(9)), *(("remove", i) for i in range(5))])
def test_a_migration_that_was_killed_goes_on(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str, moment: int
) -> None:
    killed = Store(old)
    with monkeypatch.context() as patch:
        patch.setattr(killed.files, step, after(moment, getattr(killed.files, step)))
        with pytest.raises(Killed):
            migrate(killed)
    store = Store(old)
    with pytest.raises(StoreError, match="studies store migrate"):
        store.check()
    migrate(store)
    found = {store.trial(trial_id).seed: store.result(trial_id) for trial_id in store.check().ids()}
    assert found == {0: result(0), 1: result(1), 2: None, 3: None, 4: None}
    assert all(store.trial(trial_id).id == trial_id for trial_id in store.ids())
    again = everything(old)
    assert migrate(store) == (0, [])
    assert everything(old) == again


DAMAGE = {
    "a torn trial": lambda folder: (folder / "trial.json").write_text('{"seed": '),
    "no trial": lambda folder: (folder / "trial.json").unlink(),
    "another trial": lambda folder: (folder / "trial.json").write_text(json.dumps(old_trial(77))),
    "a trial that is a list": lambda folder: (folder / "trial.json").write_text("[]"),
    "a torn result": lambda folder: (folder / "result.json").write_text('{"top1": '),
    "a result that is a list": lambda folder: (folder / "result.json").write_text("[]"),
    "a result that is no number": lambda folder: (folder / "result.json").write_text('{"top1": NaN, "history": []}'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_trial_is_named_and_left_as_it_is(old: Path, damage: str) -> None:
    folder = old / "trials" / OLD_ID
    DAMAGE[damage](folder)
    before = everything(folder)
    store = Store(old)
    moved, left = migrate(store)
    assert moved == 4
    assert len(left) == 1
    assert left[0].startswith(f"{folder}: ")
    assert len(left[0].splitlines()) == 1
    assert everything(folder) == before
    assert store.check().format() == FORMAT
    others = [trial_id for trial_id in store.ids() if trial_id != OLD_ID]
    assert {store.trial(trial_id).seed for trial_id in others} == {1, 2, 3, 4}
    with pytest.raises(StoreError):
        store.trial(OLD_ID)
    assert not store.done(OLD_ID)


def test_a_newer_version_is_refused(old: Path) -> None:
    (old / "store.json").write_text(json.dumps({"schema_version": FORMAT + 1}))
    before = everything(old)
    with pytest.raises(StoreError, match="newer version"):
        migrate(Store(old))
    assert everything(old) == before


def test_a_folder_without_a_store_is_refused_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no store in"):
        migrate(Store(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_store_that_cannot_be_marked_is_an_error(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(old)
    real = os.replace

    def full(source: Any, target: Any) -> None:
        if str(target).endswith("store.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StoreError, match="No space left"):
            migrate(store)
    assert migrate(store) == (0, [])
    assert store.check().format() == FORMAT
    assert {store.trial(trial_id).seed for trial_id in store.ids()} == {0, 1, 2, 3, 4}


def test_the_command_says_what_it_did(studies: Studies, old: Path) -> None:
    assert "studies store migrate" in one_line(studies("store", "ls"), 2)
    done = studies("store", "migrate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{old}: format 1 to 3, 5 trials taken over, 0 left as they are\n"
    listed = json.loads(studies("store", "ls", "--json").stdout)
    assert sorted(row["status"] for row in listed) == ["done", "done", "failed", "planned", "planned"]
    again = studies("store", "migrate")
    assert again.returncode == 0
    assert "format 3 to 3, 0 trials taken over" in again.stdout


def test_the_command_names_what_is_left(studies: Studies, old: Path) -> None:
    (old / "trials" / OLD_ID / "result.json").write_text("{")
    done = studies("store", "migrate")
    assert done.returncode == 1
    assert f"left as it is: {old}/trials/{OLD_ID}: " in done.stdout
    assert "4 trials taken over, 1 left as they are" in done.stdout
