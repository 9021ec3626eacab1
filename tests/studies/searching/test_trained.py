"""Which points of a space a store has results of, whoever wanted the trials."""

from pathlib import Path
from typing import Any

import pytest
from searches import SPACE, definition, evaluate, in_memory
from stores import RESULT

from searchspace.budget import Budget
from searchspace.space import space_of
from studies.searching import trained
from studies.searching.candidates import Candidates, ranking_trial
from studies.searching.journal import journal_path, opened, study_in
from studies.searching.search import Search
from studies.searching.trained import trained_points
from studies.store.store import Store
from studies.trials.scale import Scale, changed
from studies.trials.trial import TrialSpec

OF = definition(budget=Budget())
POINTS = [point for point in OF.space.points() if OF.space.valid(point)]


def finish(store: Store, trial: TrialSpec, top1: float) -> None:
    result: Any = RESULT | {"top1": top1}
    store.plan(trial)
    store.finish(trial.id, result, None)


def trial(point: dict[str, Any], scale: Scale = OF.scale, seed: int = 0) -> TrialSpec:
    return ranking_trial(OF.space.spec(point), OF.base, scale, seed)


def test_seeds_of_a_model_are_one_and_points_of_another_kind_of_trial_are_none(tmp_path: Path) -> None:
    store, scale = Store(tmp_path), OF.scale
    first, second = POINTS[0], POINTS[-1]
    finish(store, trial(first, seed=0), 80.0)
    finish(store, trial(first, seed=1), 90.0)
    store.plan(trial(POINTS[3]))  # and not done
    finish(store, trial(second, changed(scale, {}, {"epochs": 5})), 99.0)
    finish(store, trial(second, changed(scale, {"train_size": 256}, {})), 99.0)
    other = trial(second)
    finish(store, other.model_copy(update={"pretrained": "0" * 16}), 99.0)
    outside = other.model_copy(update={"model": other.model.model_copy(update={"drop_rate": 0.5})})
    finish(store, outside, 99.0)
    (found,) = trained_points(OF.space, scale, store)
    assert (found.top1, found.seeds, found.validation) == (85.0, 2, 0.25)
    assert found.model == trial(first).model == trial(found.point).model


def test_where_the_rate_goes_by_width_the_points_of_all_widths_are_found(tmp_path: Path) -> None:
    by_width = OF.scale.model_copy(update={"lr_base_width": 24})
    tried = [trial(point, by_width) for point in POINTS]
    assert len({one.recipe.lr for one in tried}) > 1
    for one in tried:
        finish(Store(tmp_path), one, 80.0)
    models = {one.model for one in tried}
    assert {found.model for found in trained_points(OF.space, by_width, Store(tmp_path))} == models
    at_one_rate = trained_points(OF.space, OF.scale, Store(tmp_path))
    assert {found.model for found in at_one_rate} == {
        one.model for one in tried if one.recipe.lr == OF.scale.recipe.lr
    }, "trials of other rates are others"


def test_of_several_splits_that_of_most_models_is_taken(tmp_path: Path) -> None:
    store, tested = Store(tmp_path), changed(OF.scale, {"validation": None}, {})
    finish(store, trial(POINTS[0]), 80.0)
    finish(store, trial(POINTS[0], tested), 70.0)
    (found,) = trained_points(OF.space, OF.scale, store)
    assert found.validation == 0.25, "of equally many, what is held out"
    finish(store, trial(POINTS[-1], tested), 71.0)
    assert sorted(one.top1 for one in trained_points(OF.space, OF.scale, store)) == [70.0, 71.0]


def test_points_of_a_large_space_are_found_by_the_journals_of_its_searches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    for point in POINTS[:4]:
        finish(store, trial(point), 80.0)
    with opened(journal_path(store, "mine")) as storage:
        study = study_in(storage, journal_path(store, "mine"), "mine", ["maximize", "minimize"], OF.plain())
        search = Search(study, Candidates(OF, in_memory(OF).candidates.feasible))
        evaluate(search, 3)
        models = [search.candidates.at(search.proposer.point_of(one.params)) for one in study.trials]
    for candidate in models:
        assert candidate is not None
        finish(store, candidate.trial, 90.0)
    monkeypatch.setattr(trained, "COMPARED", 10)
    ids = {candidate.trial.id for candidate in models if candidate}
    assert {trial(one.point).id for one in trained_points(OF.space, OF.scale, store)} == ids
    elsewhere = space_of(SPACE | {"knobs": SPACE["knobs"] | {"backbone.mlp_ratio": {"low": 1, "high": 3}}})
    assert trained_points(elsewhere, OF.scale, store) == [], "no search of that one"


def test_a_damaged_record_is_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(store, trial(POINTS[0]), 80.0)
    finish(store, trial(POINTS[-1]), 81.0)
    store.files.write(f"trials/{trial(POINTS[-1]).id}/result.json", b"{")
    assert [one.top1 for one in trained_points(OF.space, OF.scale, store)] == [80.0]
