"""Latency as an objective: measured once a model, kept in the journal, and used as it stands there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.trial import TrialState
from searches import SPACE, candidates, definition, in_memory

import studies
from searchspace.expand import SpecError
from searchspace.presets import preset
from searchspace.space import space_of
from studies.api import search_latency
from studies.api.how import How
from studies.api.search_latency import Latencies
from studies.searching.search import Search
from studies.training.latency import latency


@pytest.fixture
def how(tiny: Path, tmp_path: Path) -> dict[str, Any]:
    """A search of the small space at the small scale, by latency."""
    return {
        "space": space_of(SPACE), "max_macs": 2 * 10**9, "scale": tiny, "executor": "inline", "top": 0,
        "runs_dir": tmp_path / "runs", "trials": 2, "control": False, "objectives": ["top1", "latency"],
        "budget_at": "scale",
    }  # fmt: skip


def test_to_measure_a_model_leaves_the_random_state_as_it_was() -> None:
    before = torch.get_rng_state()
    assert latency(preset("t2t_vit_7"), "cpu") > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_a_latency_is_in_the_journal_before_the_candidate_is_trained() -> None:
    of = definition("random", ("top1", "latency"), budget_at="scale")
    measure = Latencies(of, How())
    search = in_memory(of)
    search.measure = measure
    proposal = search.propose()
    assert proposal and search.study.trials[0].state == TrialState.RUNNING
    written = search.study.trials[0].user_attrs
    assert written["latency"] > 0 and written["latency_on"] == measure.where

    again = Latencies(of, How())
    again.take((trial.params, trial.user_attrs) for trial in search.study.trials)
    assert again(proposal.candidate)["latency"] == written["latency"], "a model is measured once"
    taken_up = Search(search.study, candidates(of), measure=again)
    taken_up.tell(proposal.number, 50.0)
    assert search.study.trials[0].values == [50.0, written["latency"]]


def test_a_search_by_latency_shows_it_and_goes_on_with_what_is_measured(
    how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = studies.search("t2t_vit_14", **how)
    assert (first.frame["latency"] > 0).all()
    more = studies.search("t2t_vit_14", **how | {"trials": 3})
    assert more.frame["latency"].iloc[:2].tolist() == first.frame["latency"].tolist()
    monkeypatch.setattr(search_latency, "device_name", lambda device: "another machine")
    with pytest.raises(SpecError, match=r"are of .* CPU, 1 thread, and this is another machine: --name begins another"):
        studies.search("t2t_vit_14", **how | {"trials": 4})


def test_latency_is_measured_while_nothing_else_trains(how: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="latency is measured while nothing else is trained: give --jobs 1"):
        studies.search("t2t_vit_14", **how | {"executor": "ray", "jobs": 2})
    assert not (tmp_path / "runs").exists()
