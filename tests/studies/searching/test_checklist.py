"""The checklist of a search: each point can be met and missed, and says by what."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from searches import accuracy, candidates, definition

from studies.searching.checklist import Evidence, checklist
from studies.searching.definition import Definition
from studies.searching.journal import journal_path, opened, study_in
from studies.searching.objectives import directions
from studies.searching.outcome import Found, found_by
from studies.searching.search import Search
from studies.store.store import Store
from studies.trials.trial import TrialSpec

VERSIONS = {"t2t-studies": "0.3.0", "torch": "2.15", "timm": "1.0.31", "python": "3.11"}
RESULT: dict[str, Any] = {
    "top1": 50.0, "history": [], "device": "cpu", "precision": "float32", "versions": VERSIONS, "seconds": 60.0,
}  # fmt: skip


def searched(store: Store, name: str, of: Definition, stream: str = "", count: int = 4) -> tuple[Search, list[Found]]:
    """A search whose candidates are evaluated in no time."""
    path = journal_path(store, name.partition(" ")[0])
    with opened(path) as storage:
        search = Search(study_in(storage, path, name, directions(of.objectives), of.plain()), candidates(of), stream)
        for _ in range(count):
            proposal = search.propose()
            assert proposal
            store.plan(proposal.candidate.trial)
            store.finish(proposal.candidate.trial.id, RESULT, b"weights")  # type: ignore[arg-type]
            search.tell(proposal.number, accuracy(proposal.candidate))
        return search, found_by(search)


def retrained(store: Store, trial: TrialSpec, seeds: int) -> list[TrialSpec]:
    data = trial.data.model_copy(update={"validation": None})
    trials = [trial.model_copy(update={"data": data, "seed": seed}) for seed in range(seeds)]
    for one in trials:
        store.plan(one)
        store.finish(one.id, RESULT, b"weights")  # type: ignore[arg-type]
    return trials


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A search with everything beside it."""
    store, of = Store(tmp_path_factory.mktemp("runs")), definition()
    search, found = searched(store, "s", of)
    _, control = searched(store, "s (random)", of, "random")
    for seed in (1, 2):
        searched(store, f"seed{seed}", definition(seed=seed), count=1)
    searched(store, "other", definition("nsga2"), count=1)
    final = retrained(store, store.trial(found[0].trial), 3)
    return Evidence(of, search.study, found, control, final, store, journal_path(store, "s"))


def missed(of: Evidence) -> list[str]:
    return [check.point for check in checklist(of) if not check.holds]


TUNED = "how the settings of the search were tuned is stated"


def test_all_that_can_be_seen_to_hold_does(whole: Evidence) -> None:
    assert missed(whole) == [TUNED]
    values = " ".join(check.value for check in checklist(whole))
    for text in ("t2t-studies 0.3.0", "4 candidates evaluated, 4 at random", "3 searches", "search 0, test 0, 1, 2"):
        assert text in values
    assert "s of training in" in values


@pytest.mark.parametrize(
    ("point", "change"),
    [
        ("a random search of the same budget", lambda of: {"control": of.control[:2]}),
        ("progress over the search", lambda of: {"control": []}),
        ("seeds are stated", lambda of: {"final": of.final[:2]}),
        ("every model of the test", lambda of: {"final": []}),
        ("no test picture", lambda of: {"final": of.ranking}),
        ("all models of the test are trained alike", lambda of: {"final": [*of.final, of.ranking[0]]}),
        ("every candidate", lambda of: {"found": [*of.found[1:], replace(of.found[0], status="failed")]}),
        ("the whole search is repeated", lambda of: {"definition": definition("gp")}),
        ("space and settings", lambda of: {"definition": definition("gp")}),
        (
            "the time of all of it",
            lambda of: {"found": [*of.found[1:], replace(of.found[0], status="stopped", top1=None)]},
        ),
        ("what the search adds", lambda of: {"definition": definition(seed=3)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_point_that_does_not_hold_is_not_marked(whole: Evidence, point: str, change: Any) -> None:
    assert any(found.startswith(point) for found in missed(replace(whole, **change(whole))))


def test_rates_by_width_are_one_way_to_train(tmp_path: Path) -> None:
    store, of = Store(tmp_path), definition(scale={"lr_base_width": 24})
    search, found = searched(store, "s", of, count=6)
    evidence = Evidence(of, search.study, found, [], [], store, journal_path(store, "s"))
    assert len({trial.recipe.lr for trial in evidence.ranking}) > 1
    (alike,) = (check for check in checklist(evidence) if check.point.startswith("all candidates are trained alike"))
    assert alike.holds
    assert "1 recipe, learning rates by width" in alike.value


def test_other_machines_and_a_version_that_is_not_known_are_seen(tmp_path: Path) -> None:
    store, of = Store(tmp_path), definition()
    search, found = searched(store, "s", of, count=2)
    other = RESULT | {"device": "H100", "versions": VERSIONS | {"t2t-studies": "unknown"}}
    store.finish(found[0].trial, other, b"weights")  # type: ignore[arg-type]
    points = missed(Evidence(of, search.study, found, [], [], store, journal_path(store, "s")))
    assert {"the code that trained is known by its version"} < {*points}
    assert any(point.startswith("all are trained on the same hardware") for point in points)
    assert search.study.trials[0].state == TrialState.COMPLETE
