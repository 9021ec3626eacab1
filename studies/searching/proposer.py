"""Which point is tried next: Optuna's samplers or our own, over candidates within the budget only.

A proposal is a function of the seed, its number, and what was proposed and told before, in that order. So a search that
was killed and goes on proposes what it would have proposed: each proposal has a sampler of its own, seeded by both.

The budget is kept by construction. The first proposals are drawn from the feasible set (Optuna's own would be drawn
from the whole space, and would mostly have to be moved); after that, a proposal outside the budget, or one that was
evaluated already, is replaced by a feasible one near it, else by one that is drawn. The sampler learns from what is
evaluated, not from what it has proposed: it works on a study in memory that has the feasible points alone. To prune
what is infeasible instead would teach it that small models are good.
"""

import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.searching.candidates import Candidate, Candidates
from studies.searching.known_costs import Evaluated, ranked
from studies.searching.objectives import Direction
from studies.searching.parameters import choose, distribution, point_of, suggested, value_of
from studies.searching.warm_start import Score, WarmStart

if TYPE_CHECKING:
    from searchspace.space import Parameter

optuna.logging.set_verbosity(optuna.logging.WARNING)
DRAWN = {"ehvi": 8, "tpe": 10, "gp": 10, "nsga2": 20}  # candidates that are evaluated before the sampler is asked
TRIES = 1000  # points that are drawn before the feasible set is taken to be used up
NEAR_TRIES = 20
OURS = ("random", "ehvi")  # Optuna is not asked


def _sampler(name: str, seed: int) -> BaseSampler:
    if name == "tpe":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return TPESampler(seed=seed, n_startup_trials=0, multivariate=True, group=True)
    if name == "nsga2":
        return NSGAIISampler(seed=seed, population_size=DRAWN[name])
    if name == "gp":
        return GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
    return RandomSampler(seed=seed)


class Proposer:
    """Proposes candidates; see the module.

    Args:
        candidates: of the search.
        directions: of its objectives.
        sampler: one of `objectives.SAMPLERS`.
        seed: tells this search's stream of numbers from others'.
        score: of untrained models, by which the first candidates are chosen; none: they are drawn.

    Attributes:
        completed: how many candidates were evaluated.
    """

    def __init__(
        self,
        candidates: Candidates,
        directions: Sequence[Direction],
        sampler: str,
        seed: str,
        score: Score | None = None,
    ) -> None:
        self.candidates, self.sampler, self.seed = candidates, sampler, seed
        self._warm = WarmStart(candidates, score, DRAWN[sampler], seed) if score else None
        self.parameters: list[Parameter] = candidates.definition.space.parameters()
        self.distributions = {parameter.name: distribution(parameter.values) for parameter in self.parameters}
        self._mirror = optuna.create_study(directions=list(directions))
        self._numbers: list[int] = []  # of the mirror's trials, by that of the search's
        self.completed = 0

    def take(self, trial: FrozenTrial) -> None:
        """A trial of the journal, in the order of their numbers."""
        self._numbers.append(len(self._mirror.get_trials(deepcopy=False)))
        self._mirror.add_trial(trial)
        self.completed += trial.state == TrialState.COMPLETE

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """What came of a trial, or had come of it when it was stopped early; None: it failed."""
        if values is None:
            self._mirror.tell(self._numbers[number], state=TrialState.FAIL)
        else:
            self._mirror.tell(self._numbers[number], values)
            self.completed += 1

    def propose(self, taken: Callable[[Candidate], bool]) -> tuple[Candidate, FrozenTrial] | None:
        """The next candidate, with the trial to be written down; None if no feasible one is left.

        Args:
            taken: whether a candidate was proposed before.
        """
        rng = random.Random(f"{self.seed} {len(self._numbers)}")
        raw, attributes = self._ask(rng.getrandbits(32))
        is_drawn = self.sampler == "random" or self.completed < DRAWN[self.sampler]
        candidate = None
        if not is_drawn:
            candidate = self._promising(taken, rng) if self.sampler == "ehvi" else self._near(raw, taken, rng)
        if self._warm and len(self._numbers) < self._warm.count:
            candidate = self._warm.best(taken)
        candidate = candidate or self._drawn(taken, rng)
        if candidate is None:
            return None
        params = candidate.point
        trial = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions={name: self.distributions[name] for name in params},
            system_attrs=attributes,
            user_attrs={"trial": candidate.trial.id, "params": candidate.params, "macs": candidate.macs},
        )
        return candidate, trial

    def point_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The point of a trial of the journal."""
        return point_of(self.parameters, params)

    def _ask(self, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the sampler would try, anywhere in the space, and what it notes beside it (NSGA-II: a generation)."""
        if self.sampler in OURS:
            return {}, {}
        if self.sampler == "nsga2":
            # It finds the parents of a generation in another order than it remembers them in; and what a study that is
            # taken up has to find, one that went on remembers. So it is asked before, and both remember.
            self._asked(seed)
        return self._asked(seed)

    def _asked(self, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._mirror.sampler = _sampler(self.sampler, seed)
            trial = self._mirror.ask()
            point = choose(self.parameters, lambda p: value_of(p, suggested(trial, p.name, self.distributions[p.name])))
            asked = self._mirror.tell(trial, state=TrialState.FAIL)  # samplers pass over it
        return point, dict(asked.system_attrs)

    def _promising(self, taken: Callable[[Candidate], bool], rng: random.Random) -> Candidate | None:
        objectives = self.candidates.definition.objectives
        place = objectives.index("top1")
        evaluated = [
            Evaluated(self.point_of(trial.params), trial.user_attrs, trial.values[place] if trial.values else None)
            for trial in self._mirror.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))
        ]
        costs = [name for name in objectives if name != "top1"]
        for point in ranked(self.parameters, self.candidates, evaluated, costs, rng):
            if (found := self.candidates.at(point)) and not taken(found):
                return found
        return None

    def _near(self, raw: Mapping[str, Any], taken: Callable[[Candidate], bool], rng: random.Random) -> Candidate | None:
        found = self.candidates.at(raw)
        for _ in range(NEAR_TRIES):
            if found and not taken(found):
                return found
            found = self.candidates.at(self.candidates.feasible.nearest(raw, rng))
        return None

    def _drawn(self, taken: Callable[[Candidate], bool], rng: random.Random) -> Candidate | None:
        for _ in range(TRIES):
            found = self.candidates.at(self.candidates.feasible.sample(rng))
            if found and not taken(found):
                return found
        return None
