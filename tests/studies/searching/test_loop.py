"""What feeds a queue: each end is told, and the next proposed, whatever becomes of a trial."""

from pathlib import Path

import pytest
from loops import Run, states
from optuna.trial import TrialState
from queues import RESULT
from searches import SPACE, definition, evaluate, in_memory

from searchspace.budget import Budget
from searchspace.space import space_of
from studies.searching.loop import MOST_FAILURES, Wanted
from studies.searching.outcome import found_by
from studies.searching.search import Search


def test_as_many_are_in_the_queue_as_are_trained_at_a_time(tmp_path: Path) -> None:
    search = in_memory(definition())
    run = Run(tmp_path, [Wanted(search, 8)], at_a_time=3)
    given = [run.give() for _ in range(4)]
    assert given[3] is None and len(set(given[:3])) == 3
    assert len(search) == 3
    assert given[1]
    run.finish(given[1])
    assert len(search) == 4, "one that ends is followed by the next at once"
    assert [trial.number for trial in search.study.trials if trial.state == TrialState.COMPLETE] == [1]


def test_a_search_is_completed_before_the_next_one_begins(tmp_path: Path) -> None:
    first, second = in_memory(definition()), in_memory(definition(), "random")
    run = Run(tmp_path, [Wanted(first, 5), Wanted(second, 3)])
    trained = run.drain()
    assert (len(first), len(second)) == (5, 3)
    assert {*states(first), *states(second)} == {TrialState.COMPLETE}
    assert trained == len({trial.user_attrs["trial"] for one in (first, second) for trial in one.study.trials})
    assert not run.queue.trials.keys() - set(run.store.ids())


def test_more_trials_later_extend_a_search_as_if_it_had_not_ended(tmp_path: Path) -> None:
    whole = in_memory(definition())
    Run(tmp_path / "whole", [Wanted(whole, 18)]).drain()
    search = in_memory(definition())
    for count in (6, 6, 13, 18):
        Run(tmp_path / "parts", [Wanted(search, count)]).drain()
        search = Search(search.study, search.candidates)
    assert [trial.params for trial in search.study.trials] == [trial.params for trial in whole.study.trials]
    assert [trial.values for trial in search.study.trials] == [trial.values for trial in whole.study.trials]


def test_what_is_in_the_store_is_told_and_not_trained(tmp_path: Path) -> None:
    search, again = in_memory(definition()), in_memory(definition())
    Run(tmp_path, [Wanted(search, 6)]).drain()
    run = Run(tmp_path, [Wanted(again, 6)])
    assert run.drain() == 0
    assert [trial.values for trial in again.study.trials] == [trial.values for trial in search.study.trials]


def test_a_candidate_whose_trial_was_done_when_the_process_was_killed_is_told(tmp_path: Path) -> None:
    search = in_memory(definition())
    run = Run(tmp_path, [Wanted(search, 4)])
    trial_id = run.give()
    assert trial_id
    run.store.finish(trial_id, RESULT, b"weights")  # and nobody is told
    again = Search(search.study, search.candidates)
    assert Run(tmp_path, [Wanted(again, 1)]).drain() == 0
    assert states(again) == [TrialState.COMPLETE]
    assert again.study.trials[0].values[0] == RESULT["top1"]


def fail_first(root: Path, search: Search, trials: int) -> Run:
    """A run in which the first candidate fails."""
    run = Run(root, [Wanted(search, trials)])
    trial_id = run.give()
    assert trial_id
    run.queue.failed(trial_id, "it diverged")
    run.drain()
    return run


def test_a_candidate_that_fails_counts_and_is_not_tried_again_by_the_same_run(tmp_path: Path) -> None:
    search = in_memory(definition())
    run = fail_first(tmp_path, search, 3)
    assert states(search) == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert not run.loop.hopeless


def test_the_next_run_tries_a_failed_candidate_once_more_and_counts_it_once(tmp_path: Path) -> None:
    search = in_memory(definition())
    fail_first(tmp_path, search, 3)
    again = Search(search.study, search.candidates)
    fail_first(tmp_path, again, 3)
    assert len(again.study.trials) == 4 and len(again) == 3
    found = found_by(again)
    assert [(one.number, one.status) for one in found] == [(1, "done"), (2, "done"), (3, "failed")]

    third = Search(search.study, search.candidates)
    wanted = Wanted(third, 3)
    assert wanted.open and wanted.left == 1
    Run(tmp_path, [wanted]).drain()
    assert [(one.number, one.status) for one in found_by(third)] == [(1, "done"), (2, "done"), (4, "done")]
    assert third.study.trials[4].params == third.study.trials[0].params
    assert not Wanted(Search(search.study, search.candidates), 3).open


def test_an_attempt_that_a_kill_interrupts_is_taken_up_under_its_number(tmp_path: Path) -> None:
    search = in_memory(definition())
    fail_first(tmp_path, search, 2)
    killed = Search(search.study, search.candidates)
    assert killed.retry().number == 2
    again = Search(search.study, search.candidates)
    assert list(again.running) == [2] and not again.failed and len(again) == 2
    Run(tmp_path, [Wanted(again, 2)]).drain()
    assert states(again) == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


def test_failures_of_before_do_not_end_a_search_that_has_results(tmp_path: Path) -> None:
    search = in_memory(definition())
    evaluate(search, 1)
    for _ in range(MOST_FAILURES):
        proposal = search.propose()
        assert proposal
        search.tell(proposal.number, None)
    run = Run(tmp_path, [Wanted(Search(search.study, search.candidates), 8)])
    for _ in range(MOST_FAILURES):
        trial_id = run.give()
        assert trial_id
        run.queue.failed(trial_id, "it diverged")
    assert not run.loop.hopeless and run.drain() == 2


def test_where_the_first_candidates_all_fail_the_search_ends_and_says_why(tmp_path: Path) -> None:
    search = in_memory(definition())
    run = Run(tmp_path, [Wanted(search, 50)])
    while not run.queue.finished:
        trial_id = run.give()
        if trial_id is not None:
            run.queue.failed(trial_id, "no memory")
    assert run.loop.hopeless == "no memory"
    assert len(search) == MOST_FAILURES


def test_when_no_feasible_candidate_is_left_the_search_ends(tmp_path: Path) -> None:
    few = space_of(SPACE | {"knobs": {"backbone.depth": [4, 8, 28]}})
    search = in_memory(definition(space=few, budget=Budget(max_params=16 * 10**6)))
    Run(tmp_path, [Wanted(search, 50)], at_a_time=3).drain()
    assert states(search) == [TrialState.COMPLETE] * 2
    assert search.exhausted


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_candidates_of_one_model_at_the_scale_are_trained_once_and_all_told(tmp_path: Path, at_a_time: int) -> None:
    few = space_of(SPACE | {"knobs": {"backbone.depth": [4, 5, 6]}})  # all are one layer at the scale
    search = in_memory(definition(space=few, budget=Budget()))
    run = Run(tmp_path, [Wanted(search, 3)], at_a_time)
    assert run.drain() == 1
    assert states(search) == [TrialState.COMPLETE] * 3
    assert len({trial.values[0] for trial in search.study.trials}) == 1
