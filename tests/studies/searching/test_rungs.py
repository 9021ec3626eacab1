"""Early stopping: who ends at a rung, what is told of it, and that an interruption changes none of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from loops import Run, states
from optuna.trial import TrialState
from searches import accuracy, definition, in_memory

from studies.searching.loop import Wanted
from studies.searching.outcome import found_by, ranked
from studies.searching.rungs import Halving, Rungs
from studies.searching.search import Search
from studies.trials.results import EpochRecord

EPOCHS = 8
HALVING = Halving(1, 2.0)


@pytest.mark.parametrize(
    ("grace", "factor", "rungs"),
    [(1, 2, [1, 2, 4]), (3, 2, [3, 6]), (1, 3, [1, 3]), (2, 1.5, [2, 3, 5, 7]), (8, 2, []), (9, 2, [])],
)
def test_rungs_grow_by_the_factor_and_the_last_epoch_is_none(grace: int, factor: float, rungs: list[int]) -> None:
    assert Halving(grace, factor).below(EPOCHS) == rungs


def test_the_best_half_of_those_that_have_come_go_on() -> None:
    rungs = Rungs(HALVING, EPOCHS)
    goes_on = []
    for trial, top1 in (("a", 50.0), ("b", 40.0), ("c", 45.0), ("d", 60.0), ("e", 44.0)):
        rungs.take(trial, 1, top1)
        goes_on.append(not rungs.stops(trial, 1))
    assert goes_on == [True, False, True, True, False]


def test_a_rung_that_was_passed_unseen_is_judged_at_the_next_epoch_and_once() -> None:
    rungs = Rungs(HALVING, EPOCHS)
    assert rungs.due("a", 3) == 2
    rungs.take("a", 2, 50.0)
    assert rungs.due("a", 3) is None
    assert rungs.due("a", 4) == 4


def record(epoch: int, top1: float) -> EpochRecord:
    return {"epoch": epoch, "epochs": EPOCHS, "top1": top1}  # type: ignore[typeddict-item]


def halved(objectives: tuple[str, ...], sampler: str = "tpe") -> Search:
    of = definition(sampler, objectives, halving=HALVING)
    recipe = of.scale.recipe.model_copy(update={"epochs": EPOCHS})
    return in_memory(replace(of, scale=of.scale.model_copy(update={"recipe": recipe})))


def drained(root: Path, search: Search, count: int, killed_after: int | None = None) -> Run:
    """Train all, epoch by epoch; the accuracy grows to its last. A kill comes after so many epochs in all."""
    run = Run(root, [Wanted(search, count)])
    trained = 0
    while not run.queue.finished:
        trial_id = run.give()
        if trial_id is None:
            continue
        last = next(accuracy(c) for c in search.running.values() if c.trial.id == trial_id)
        for epoch in range(1, EPOCHS):
            trained += 1
            stops = run.loop.stops(trial_id, record(epoch, last - EPOCHS + epoch))
            if trained == killed_after:
                return run
            if stops:
                run.queue.pruned(trial_id, epoch)
                break
        else:
            run.finish(trial_id)
    return run


@pytest.mark.parametrize(("objectives", "sampler"), [(("top1",), "tpe"), (("top1", "macs"), "nsga2")], ids=str)
def test_worse_candidates_are_stopped_and_an_interruption_changes_nothing(
    tmp_path: Path, objectives: tuple[str, ...], sampler: str
) -> None:
    whole = halved(objectives, sampler)
    drained(tmp_path / "whole", whole, 16)
    assert 0 < states(whole).count(TrialState.PRUNED) < 16
    assert {*states(whole)} == {TrialState.PRUNED, TrialState.COMPLETE}

    search = halved(objectives, sampler)
    for at in (2, 1, 20, 13, None):
        drained(tmp_path / "killed", search, 16, at)
        search = Search(search.study, search.candidates)
    for mine, theirs in zip(search.study.trials, whole.study.trials, strict=True):
        assert (mine.state, mine.params, mine.intermediate_values) == (
            theirs.state, theirs.params, theirs.intermediate_values,
        )  # fmt: skip


def test_a_candidate_that_was_stopped_is_no_result(tmp_path: Path) -> None:
    search = halved(("top1", "macs"))
    drained(tmp_path, search, 12)
    stopped = [one for one in found_by(search) if one.status == "stopped"]
    assert stopped and all(one.top1 is None and not one.pareto and one.stopped_at for one in stopped)
    assert not {one.number for one in ranked(found_by(search))} & {one.number for one in stopped}
    assert len(search) == 12 and not Wanted(search, 12).open


def test_a_definition_without_early_stopping_is_what_it_was() -> None:
    assert "early_stop" not in definition().plain()
    assert definition(halving=HALVING).plain()["early_stop"] == {"grace": 1, "factor": 2.0}
