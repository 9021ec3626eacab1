"""What is proposed: within the budget, each once, and the same after any interruption."""

import optuna
import pytest
from optuna.trial import TrialState
from searches import SPACE, definition, evaluate, in_memory

from searchspace.budget import Budget
from searchspace.knobs import Parameter
from searchspace.space import space_of
from studies.searching.objectives import SAMPLERS
from studies.searching.parameters import distribution, suggested, value_of
from studies.searching.search import Search

ALL = [pytest.param(name, marks=pytest.mark.slow) if name == "gp" else name for name in SAMPLERS]


@pytest.mark.parametrize("sampler", ALL)
def test_every_proposal_is_within_the_budget_and_none_comes_twice(sampler: str) -> None:
    search = in_memory(definition(sampler))
    evaluate(search, 25)
    trials = search.study.trials
    assert all(trial.user_attrs["macs"] <= 2 * 10**9 for trial in trials)
    points = [tuple(sorted(trial.params.items())) for trial in trials]
    assert len(set(points)) == 25
    assert all(("tokenizer.mixer" in t.params) == (t.params["tokenizer.kind"] == "t2t") for t in trials)


@pytest.mark.parametrize("sampler", ALL)
def test_a_search_that_is_taken_up_proposes_what_it_would_have_proposed(sampler: str) -> None:
    """After every kind of interruption: between two candidates, and with one that is running."""
    whole = in_memory(definition(sampler))
    evaluate(whole, 26)
    search = in_memory(definition(sampler))
    for count in (7, 5, 11):
        evaluate(search, count)
        search = Search(search.study, search.candidates)
    left = search.propose()
    assert left is not None
    search = Search(search.study, search.candidates)
    assert list(search.running) == [left.number], "and it goes on under its own number"
    search.tell(left.number, None)
    assert search.study.trials[left.number].state == TrialState.FAIL
    evaluate(search, 2)
    assert [t.params for t in search.study.trials[:24]] == [t.params for t in whole.study.trials[:24]]
    assert [t.system_attrs for t in search.study.trials[:24]] == [t.system_attrs for t in whole.study.trials[:24]]


def test_seeds_and_streams_propose_different_candidates() -> None:
    made = [in_memory(definition(seed=0)), in_memory(definition(seed=1)), in_memory(definition(), "random")]
    for search in made:
        evaluate(search, 3)
    assert len({str([trial.params for trial in search.study.trials]) for search in made}) == 3


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_sampler_learns_what_is_better_than_drawing_at_random(sampler: str) -> None:
    means = {}
    for name in (sampler, "random"):
        found = []
        for seed in range(3):
            search = in_memory(definition(name, ("top1",), seed=seed))
            evaluate(search, 60)
            found += [trial.value for trial in search.study.trials[30:]]
        means[name] = sum(found) / len(found)
    assert means[sampler] > means["random"] + 1.0


def test_a_space_whose_feasible_candidates_are_used_up_ends_the_search() -> None:
    few = space_of(SPACE | {"knobs": {"backbone.depth": [4, 8, 28], "backbone.embed_dim": [384]}})
    search = in_memory(definition(space=few, budget=Budget(max_params=16 * 10**6)))
    evaluate(search, 2)
    assert sorted(trial.params["backbone.depth"] for trial in search.study.trials) == [4, 8]
    assert search.propose() is None
    assert search.exhausted
    assert len(search) == 2, "and nothing is written down"


VALUES = [(4, 8, 12), (1, 1.5, 2), (0.1, 0.2, 0.3), (2, 4, 8), (False, True), ("a", "b"), (None, "a"), (7,), (3, 1)]


@pytest.mark.parametrize("values", VALUES)
def test_a_parameter_has_the_values_of_its_knob_and_no_others(values: tuple) -> None:
    parameter = Parameter("knob", values)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = {value_of(parameter, suggested(study.ask(), "knob", distribution(values))) for _ in range(60)}
    assert found == set(values)
    assert {type(value) for value in found} == {type(value) for value in values}
