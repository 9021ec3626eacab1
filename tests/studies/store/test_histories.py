"""The epochs of a trial have a file of their own; results of the format before have them in themselves."""

from pathlib import Path
from typing import Any, cast

import pytest
from stored import AGAIN, CNN, VIT, filled, result
from stores import change, names

from studies.reporting.frames import history, results
from studies.store.errors import DamagedError
from studies.store.migration import migrate
from studies.store.records import dump
from studies.store.root import FORMAT
from studies.store.store import Store
from studies.store.verification import problems
from studies.trials.results import Result


def of_format_2(root: Path) -> Store:
    """The store of `filled`, as versions before wrote it."""
    store = filled(root)
    store.files.write("store.json", dump({"format": 2}))
    for trial in (VIT, AGAIN, CNN):
        whole = store.result(trial.id)
        assert whole is not None
        store.files.write(f"trials/{trial.id}/result.json", dump(dict(whole)))
        store.files.remove(f"trials/{trial.id}/history.json")
    return store


def test_figures_have_how_many_epochs_there_were_and_not_the_epochs(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.files.remove(f"trials/{AGAIN.id}/history.json")  # it is not read
    figures = store.figures(AGAIN.id)
    assert figures is not None
    assert "history" not in figures
    assert (figures["top1"], figures["epochs"], figures["test_pictures"]) == (90.25, 3, 1 / 3 + 2)


def test_a_result_is_what_was_kept(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert store.result(AGAIN.id) == result(90.25, epochs=3)


def test_a_store_of_format_2_is_read_as_it_is(tmp_path: Path) -> None:
    new, old = filled(tmp_path / "new"), of_format_2(tmp_path / "old")
    assert old.check().format() == 2
    for trial in (VIT, AGAIN, CNN):
        assert old.result(trial.id) == new.result(trial.id)
        assert old.figures(trial.id) == new.figures(trial.id)
        assert problems(old, trial.id) == problems(new, trial.id) == []
    for frame in (results, history):
        mine, theirs = (frame("cnn_to_vit", store.root, seeds=2) for store in (new, old))
        assert mine.equals(theirs)


def test_a_run_goes_on_in_a_store_of_format_2_and_marks_it_as_its_own(tmp_path: Path) -> None:
    store = of_format_2(tmp_path)
    store.prepare()
    assert store.format() == FORMAT
    assert store.result(AGAIN.id) == result(90.25, epochs=3)


def test_migration_splits_results_of_format_2_once_and_loses_nothing(tmp_path: Path) -> None:
    store = of_format_2(tmp_path)
    before = {trial.id: store.result(trial.id) for trial in (VIT, AGAIN, CNN)}
    assert migrate(store) == (3, [])
    assert {trial_id: store.result(trial_id) for trial_id in before} == before
    assert "history.json" in names(store, AGAIN.id)
    assert store.weights(VIT.id) == b"weights"
    assert migrate(store) == (0, [])


def test_migration_leaves_a_damaged_result_of_format_2_and_names_it(tmp_path: Path) -> None:
    store = of_format_2(tmp_path)
    change(store, AGAIN.id, "result.json", lambda content: content.replace(b"90.25", b"99.25"))
    moved, (line,) = migrate(store)
    assert moved == 2
    assert f"{AGAIN.id}/result.json is damaged" in line


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda store: store.files.remove(f"trials/{AGAIN.id}/history.json"), "it is gone"),
        (lambda store: change(store, AGAIN.id, "history.json", lambda content: content[:-9]), "torn"),
        (
            lambda store: change(store, AGAIN.id, "history.json", lambda content: content.replace(b"90.0", b"99.0")),
            "not what was written",
        ),
        (
            lambda store: store.files.write(
                f"trials/{AGAIN.id}/history.json", store.files.read(f"trials/{VIT.id}/history.json")
            ),
            "of another result",
        ),
    ],
    ids=["gone", "torn", "changed", "another's"],
)
def test_a_history_that_is_lost_costs_the_curves_and_no_figure(tmp_path: Path, spoil: Any, why: str) -> None:
    store = filled(tmp_path)
    spoil(store)
    assert store.state(AGAIN.id) == "done"
    assert store.done(AGAIN.id)
    with pytest.raises(DamagedError, match=f"history.json is damaged: .*{why}.*figures stand"):
        store.result(AGAIN.id)
    (line,) = problems(store, AGAIN.id)
    assert why in line
    frame = results("cnn_to_vit", tmp_path, seeds=2)
    assert frame.set_index("trial").loc[AGAIN.id, "top1"] == 90.25
    assert AGAIN.id not in set(history("cnn_to_vit", tmp_path, seeds=2)["trial"])


@pytest.mark.parametrize("seed", [b"-1", b"1e30", b"Infinity", b'"x"', b"null", b"[]", b"9" * 40])
def test_a_seed_that_cannot_be_is_passed_over(tmp_path: Path, seed: bytes) -> None:
    store = filled(tmp_path)
    change(store, AGAIN.id, "trial.json", lambda content: content.replace(b'"seed": 1', b'"seed": ' + seed))
    assert store.seeds() == {0}
    assert len(results("cnn_to_vit", tmp_path)) > 0


def test_a_result_without_epochs_is_kept_too(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.finish(AGAIN.id, cast(Result, {"top1": 1.0, "history": []}))
    assert store.result(AGAIN.id) == {"top1": 1.0, "history": []}
    assert store.history(AGAIN.id) == []
