"""The first candidates by a score of untrained models."""

from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from conftest import TINY
from searches import BUDGET, SPACE, accuracy, definition

from searchspace.expand import SpecError
from searchspace.feasible import Feasible
from searchspace.space import space_of
from searchspace.spec import ModelSpec
from studies.api.rank import PICTURES, first_batch
from studies.api.search_settings import Asked, asked
from studies.ranking.scores import scores
from studies.searching.candidates import Candidate, Candidates
from studies.searching.proposer import DRAWN
from studies.searching.search import Search
from studies.searching.warm_start import POOL, WarmStart
from studies.trials.scale import Scale

OF = definition(warm_start="dss")
COUNT = DRAWN["tpe"]


def narrow(models: Sequence[ModelSpec]) -> list[float]:
    """As if narrow models were better, and of them deep ones."""
    return [model.backbone.depth / 100 - model.backbone.embed_dim for model in models]  # type: ignore[union-attr]


def search(study: optuna.Study | None = None, stream: str = "") -> Search:
    study = study or optuna.create_study(directions=["maximize", "minimize"])
    return Search(study, Candidates(OF, Feasible(OF.space, OF.budget), narrow), stream)


def proposed(of: Search, count: int) -> list[Candidate]:
    made = []
    for _ in range(count):
        proposal = of.propose()
        assert proposal is not None
        of.tell(proposal.number, accuracy(proposal.candidate))
        made.append(proposal.candidate)
    return made


def test_the_first_candidates_are_the_best_of_the_pool_and_the_next_the_samplers() -> None:
    made = proposed(search(), COUNT + 5)
    pool = WarmStart(Candidates(OF, Feasible(OF.space, OF.budget)), narrow, COUNT, "0")._ranked
    assert COUNT < len(pool) == len({one.trial.id for one in pool}) <= POOL * COUNT
    assert [one.key for one in made[:COUNT]] == [one.key for one in pool[:COUNT]]
    values = narrow([one.trial.model for one in pool])
    assert values == sorted(values, reverse=True)
    assert all(one.macs <= BUDGET.max_macs for one in made)  # type: ignore[operator]
    assert len({one.key for one in made}) == len(made)
    assert any(one.key not in {other.key for other in pool[: COUNT + 5]} for one in made[COUNT:])


def test_a_search_that_is_taken_up_within_its_warm_start_goes_on_with_it() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    made = [*proposed(search(study), 4), *proposed(search(study), 8)]
    assert [one.key for one in made] == [one.key for one in proposed(search(), 12)]


def test_the_random_search_beside_it_has_none() -> None:
    assert [one.key for one in proposed(search(stream="random"), 3)] != [one.key for one in proposed(search(), 3)]
    assert search(stream="random").proposer._warm is None


def test_a_search_without_one_is_defined_as_before() -> None:
    assert "warm_start" not in definition().plain()
    assert OF.plain() == definition().plain() | {"warm_start": "dss"}


def settings(**more: Any) -> Asked:
    given = {"space": space_of(SPACE), "sampler": "tpe", "objectives": ["top1"], "seed": 3, "validation": 0.25}
    return asked("t2t_vit_14", given | {"warm_start": "dss"} | more, Scale.model_validate(TINY))


def test_the_score_is_that_of_models_at_the_scale_on_training_pictures() -> None:
    what = settings()
    assert what.candidates.score is not None
    of = what.definition
    models = [
        candidate.trial.model
        for point in list(of.space.points())[:40:20]
        if (candidate := what.candidates.at(point)) is not None
    ]
    batch = first_batch(of.scale, 0.25, PICTURES, 3, None)
    assert len(batch[0]) == 96, "what is held out of 128 is not seen"
    assert what.candidates.score(models) == scores(models, batch, 3, ["dss"])["dss"].tolist()
    assert settings(warm_start=None).candidates.score is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"warm_start": "dsss"}, "unknown score 'dsss'; did you mean dss"),
        ({"sampler": "random"}, "--warm-start is for a sampler that learns: with --sampler random leave it out"),
    ],
)
def test_a_warm_start_that_cannot_be_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        settings(**given)
