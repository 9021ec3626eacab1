"""What a search has found, read from its journal: a row a candidate, and which are in the Pareto set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from searchspace.spec import ModelSpec
from studies.searching.attempts import counted
from studies.searching.candidates import Point
from studies.searching.objectives import directions
from studies.searching.pareto import front
from studies.searching.search import Search

STATES = {
    TrialState.COMPLETE: "done",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.PRUNED: "stopped",
}


@dataclass(frozen=True)
class Found:
    """A candidate and what came of it.

    Attributes:
        number: in its search.
        status: done, failed, running, or stopped: early, as it was worse than others.
        trial: id in the store of what ranks it.
        params: at full size, as are `macs`.
        top1: on the validation pictures, in %; None unless done.
        pareto: whether no other candidate beats it.
        latency: ms of a picture; None unless it is an objective.
        stopped_after: epochs, if it was.
        stopped_at: its accuracy then, in %.
    """

    number: int
    status: str
    trial: str
    point: Point
    model: ModelSpec
    params: int
    macs: int
    top1: float | None
    pareto: bool = False
    latency: float | None = None
    stopped_after: int | None = None
    stopped_at: float | None = None

    def row(self) -> dict[str, Any]:
        """As a row of a frame."""
        names: tuple[str, ...] = (
            "number",
            "status",
            "trial",
            "top1",
            "params",
            "macs",
            "pareto",
            "stopped_after",
            "stopped_at",
        )
        names += ("latency",) if self.latency is not None else ()
        return {name: getattr(self, name) for name in names} | {f"point.{k}": v for k, v in self.point.items()}


def found_by(search: Search) -> list[Found]:
    """Every candidate of a search as its last attempt left it, in the order of their numbers."""
    of = search.candidates.definition
    trials = counted(search.study.get_trials(deepcopy=False))
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = {done[i].number for i in front([trial.values for trial in done], directions(of.objectives))}
    return [_found(search, trial, trial.number in best) for trial in trials]


def _found(search: Search, trial: optuna.trial.FrozenTrial, pareto: bool) -> Found:
    of, attributes = search.candidates.definition, trial.user_attrs
    is_done, is_stopped = trial.state == TrialState.COMPLETE, trial.state == TrialState.PRUNED
    point = search.proposer.point_of(trial.params)
    return Found(
        number=trial.number,
        status=STATES[trial.state],
        trial=attributes["trial"],
        point=point,
        model=of.space.spec(point),
        params=attributes["params"],
        macs=attributes["macs"],
        top1=trial.values[of.objectives.index("top1")] if is_done else None,
        pareto=pareto,
        latency=attributes.get("latency"),
        stopped_after=trial.last_step if is_stopped else None,
        stopped_at=trial.intermediate_values[trial.last_step] if is_stopped else None,
    )


def pareto_set(found: Sequence[Found]) -> list[Found]:
    """The Pareto set, the highest accuracy first."""
    return ranked([one for one in found if one.pareto])


def ranked(found: Sequence[Found]) -> list[Found]:
    """Candidates by their accuracy, the highest first; of equal ones those of fewer MACs, then params, come first."""
    done = [one for one in found if one.top1 is not None]
    return sorted(done, key=lambda one: (-(one.top1 or 0.0), one.macs, one.params, one.number))


def distinct(found: Sequence[Found], count: int) -> list[Found]:
    """The first of `ranked` that are so many different models at the scale too."""
    best: dict[str, Found] = {}
    for one in ranked(found):
        best.setdefault(one.trial, one)
    return list(best.values())[:count]
