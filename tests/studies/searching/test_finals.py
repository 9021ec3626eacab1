"""Which of the paper's models a search is compared with."""

import pytest
from searches import candidates, definition

from searchspace.budget import Budget
from searchspace.cost.remembered import costs
from studies.searching.finals import final_study, presets_within


@pytest.mark.parametrize("budget_at", ["full", "scale"])
def test_the_papers_models_within_the_budget_that_have_the_most_macs_are_tested(budget_at: str) -> None:
    bound = 2 * 10**9 if budget_at == "full" else 10**6
    of = candidates(definition(budget=Budget(max_macs=bound), budget_at=budget_at))
    found = presets_within(of, 100)
    models = [one.model if budget_at == "full" else of.trial(one.model).model for one in found]
    assert models and all(cost["macs"] <= bound for cost in costs(models))
    full = [cost["macs"] for cost in costs([one.model for one in found])]
    assert full == sorted(full, reverse=True)
    assert presets_within(of, 1) == found[:1] and presets_within(of, 0) == []
    assert len({of.trial(one.model).id for one in found}) == len(found), "none is another one at the scale"


def test_presets_are_named_as_such_and_trained_by_the_recipe_of_the_search() -> None:
    of = candidates(definition())
    found = presets_within(of, 2)
    assert [one.name for one in found] == ["t2t_vit_12 (preset)", "t2t_vit_7 (preset)"]
    study = final_study(of.definition, "s", found, 3)
    assert {arm.preset for arm in study.arms} == {of.definition.base}


def test_where_no_preset_is_within_the_budget_none_is_tested() -> None:
    assert presets_within(candidates(definition(budget=Budget(max_params=3 * 10**6))), 2) == []
