"""One search: what its journal has of it, what is proposed next, and what came of each candidate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.searching.attempts import attempt, counted
from studies.searching.candidates import Candidate, Candidates, model_key
from studies.searching.objectives import directions, values
from studies.searching.proposer import Proposer
from studies.searching.rungs import Rungs
from studies.store.store import Store
from studies.trials.results import EpochRecord

Measure = Callable[[Candidate], dict[str, Any]]


@dataclass(frozen=True)
class Proposal:
    """A candidate with its number in the search."""

    number: int
    candidate: Candidate


class Search:
    """A search over its journal.

    A proposal is in the journal before it is trained, and its trial in the store is done before it is told. So what is
    `running` in the journal when a search begins is what a process that was killed has left: it is trained on, or told
    if its trial is done, under its own number. What has `failed` before is tried again, once a run.

    Args:
        study: of the journal.
        candidates: of the search.
        stream: tells its random numbers from those of other searches of the same seed.
        title: of its candidates, in progress.
        measure: gives what is written down of a candidate before it is trained; none: nothing more.

    Attributes:
        exhausted: whether no feasible candidate is left.
        failed: candidates that failed before, which `retry` takes.
    """

    def __init__(
        self,
        study: optuna.Study,
        candidates: Candidates,
        stream: str = "",
        title: str = "candidate",
        measure: Measure | None = None,
    ) -> None:
        self.study, self.candidates, self.title, self.measure = study, candidates, title, measure
        of = candidates.definition
        sampler = "random" if stream else of.sampler
        score = None if stream else candidates.score
        self.proposer = Proposer(candidates, directions(of.objectives), sampler, f"{of.seed} {stream}".strip(), score)
        self.rungs = Rungs(of.halving, of.epochs) if of.halving else None
        self.exhausted = False
        self.running: dict[int, Candidate] = {}
        self._taken: set[str] = set()
        trials = study.get_trials(deepcopy=False)
        for trial in trials:
            self._remember(trial)
        self.failed = [trial for trial in counted(trials) if trial.state == TrialState.FAIL]

    def __len__(self) -> int:
        """How many candidates were proposed, whatever the attempts at each."""
        return len(counted(self.study.get_trials(deepcopy=False)))

    @property
    def any_done(self) -> bool:
        """Whether some candidate was evaluated."""
        return self.proposer.completed > 0

    def _remember(self, trial: FrozenTrial) -> None:
        self.proposer.take(self._as_evaluated(trial))
        for epoch, top1 in trial.intermediate_values.items():
            if self.rungs:
                self.rungs.take(trial.user_attrs["trial"], epoch, top1)
        point = self.proposer.point_of(trial.params)
        self._taken.add(model_key(self.candidates.definition.space.spec(point)))
        if trial.state == TrialState.RUNNING:
            self.running[trial.number] = self._candidate(trial)

    def propose(self) -> Proposal | None:
        """The next candidate, written down; None if no feasible one is left."""
        found = self.proposer.propose(lambda candidate: candidate.key in self._taken)
        if found is None:
            self.exhausted = True
            return None
        candidate, trial = found
        for name, value in self.measure(candidate).items() if self.measure else ():
            trial.set_user_attr(name, value)
        self._taken.add(candidate.key)
        return self._begun(candidate, trial)

    def retry(self) -> Proposal:
        """The next candidate of `failed`, under a number of its own."""
        failed = self.failed.pop(0)
        return self._begun(self._candidate(failed), attempt(failed))

    def _begun(self, candidate: Candidate, trial: FrozenTrial) -> Proposal:
        number = len(self.study.get_trials(deepcopy=False))
        self.study.add_trial(trial)
        self.proposer.take(trial)
        self.running[number] = candidate
        return Proposal(number, candidate)

    def _candidate(self, trial: FrozenTrial) -> Candidate:
        found = self.candidates.at(self.proposer.point_of(trial.params))
        assert found is not None, "it was feasible when it was proposed, and the definition is the same"
        return found

    def tell(self, number: int, top1: float | None) -> None:
        """What came of a candidate: its accuracy on the validation pictures; None: it failed."""
        del self.running[number]
        found = None if top1 is None else self._values(self._trial(number), top1)
        self.study.tell(number, found, state=TrialState.FAIL if found is None else None)
        self.proposer.tell(number, found)

    def stops(self, number: int, record: EpochRecord) -> bool:
        """Whether a candidate is to be stopped after an epoch; if it is at a rung, that is written down before."""
        trial = self.running[number].trial.id
        rung = self.rungs.due(trial, record["epoch"]) if self.rungs else None
        if self.rungs is None or rung is None:
            return False
        there = self._trial(number)
        if rung not in there.intermediate_values:
            # `Trial.report` does so too, but is not there for several objectives.
            self.study._storage.set_trial_intermediate_value(there._trial_id, rung, record["top1"])
        self.rungs.take(trial, rung, record["top1"])
        return self.rungs.stops(trial, rung)

    def stopped(self, number: int) -> None:
        """A candidate was stopped early: samplers learn from its accuracy at the last rung, which is no higher."""
        del self.running[number]
        self.study.tell(number, state=TrialState.PRUNED)
        self.proposer.tell(number, self._as_evaluated(self._trial(number)).values)

    def _trial(self, number: int) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]

    def _as_evaluated(self, trial: FrozenTrial) -> FrozenTrial:
        """A trial that was stopped early as if it had ended there; Optuna's own values are of one objective only."""
        if trial.state != TrialState.PRUNED:
            return trial
        return create_trial(
            state=TrialState.COMPLETE,
            values=self._values(trial, trial.intermediate_values[max(trial.intermediate_values)]),
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=trial.system_attrs,
            user_attrs=trial.user_attrs,
        )

    def _values(self, trial: FrozenTrial, top1: float) -> list[float]:
        return values(self.candidates.definition.objectives, trial.user_attrs | {"top1": top1})


def result_in(store: Store, trial_id: str) -> float | None:
    """The accuracy of a trial that is done; None if it is not."""
    figures = store.look(trial_id)[1]
    return None if figures is None else figures["top1"]
