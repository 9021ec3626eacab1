"""Which trials a study's frame has."""

from pathlib import Path

import pytest
from stores import RESULT
from support import StudyFile

import studies
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.reporting.tables import table
from studies.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    store.prepare()
    return store


def finish(store: Store, study: str, seeds: list[int], *arms: str) -> None:
    for arm, trial in trials(at_scale(load_study(study), load_scale("digits")), seeds):
        if arm.name in arms:
            store.plan(trial)
            store.finish(trial.id, RESULT, b"")  # type: ignore[arg-type]


def rows(study: str, store: Store) -> set[tuple[str, int, str]]:
    frame = studies.results(study, store.root)
    return set(zip(frame["arm"], frame["seed"], frame["status"], strict=True))


def test_a_seed_of_another_study_adds_no_row(store: Store, study_file: StudyFile) -> None:
    finish(store, str(study_file(arms={"other": {"backbone.depth": 3}})), [7, 8], "other")
    study = str(study_file(seeds=[0, 1]))
    planned = {(arm, seed, "planned") for arm in "ab" for seed in (0, 1)}
    assert rows(study, store) == planned
    finish(store, study, [7], "a")
    assert rows(study, store) == planned | {("a", 7, "done")}, "its own trial of that seed does"
    assert len(studies.results(study, store.root, seeds=[7])) == 2, "who asks for a seed gets all arms"


def test_trials_of_an_older_training_loop_stay_in_a_report_which_says_so(store: Store, study_file: StudyFile) -> None:
    path = str(study_file(seeds=[0, 1]))
    study, scale = load_study(path), load_scale("digits")
    older = [trial for arm, trial in trials(at_scale(study, scale), study.seeds, semantics=1) if arm.name == "a"]
    for trial in older:
        store.plan(trial)
        store.finish(trial.id, RESULT, b"")  # type: ignore[arg-type]
    remark = "Trained by version 1 of the training loop"
    assert {row for row in rows(path, store) if row[0] == "a"} == {("a", 0, "done"), ("a", 1, "done")}
    assert remark in table(study, scale, store)
    finish(store, path, [0], "a")
    frame = studies.results(path, store.root).set_index(["arm", "seed"])
    assert frame.loc[("a", 0), "trial"] != older[0].id, "the newest that is there"
    assert frame.loc[("a", 1), "trial"] == older[1].id
    assert "mixed versions of training_loop: 1 and 2" in table(study, scale, store)
    finish(store, path, [1], "a")
    assert remark not in table(study, scale, store)


def test_a_report_over_two_fingerprints_of_the_data_says_so(store: Store, study_file: StudyFile) -> None:
    path = str(study_file(seeds=[0, 1, 2]))
    study, scale = load_study(path), load_scale("digits")
    planned = [trial for arm, trial in trials(at_scale(study, scale), study.seeds) if arm.name == "a"]
    remark = "Trained on different files of its data: fingerprints 0123, 4567."
    for trial, fingerprint, said in zip(planned, ("0123", "", "4567"), (False, False, True), strict=True):
        store.plan(trial)
        store.finish(trial.id, RESULT | {"data_fingerprint": fingerprint, "corrupt_pictures": 1}, b"")  # type: ignore
        assert (remark in table(study, scale, store)) is said
    frame = studies.results(path, store.root)
    assert frame.loc[frame["status"] == "done", "data_fingerprint"].tolist() == ["0123", "", "4567"]
    assert frame["corrupt_pictures"].sum() == 3
