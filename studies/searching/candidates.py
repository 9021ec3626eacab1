"""From a point of a space to the model there, what it costs at full size, and the trial that ranks it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from searchspace.cost.remembered import Figures, costs
from searchspace.expand import SpecError
from searchspace.identity import hashed
from searchspace.spec import ModelSpec
from studies.language.expansion import at_scale, expand
from studies.language.study import Arm, Study
from studies.searching.definition import Definition
from studies.trials.identity import canonical, digest
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    from searchspace.feasible import Feasible

Point = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A model to be tried.

    Attributes:
        point: of the space.
        model: at full size.
        trial: that ranks it, on the validation pictures of the scale.
        params: at full size.
        macs: of one picture at full size.
        key: tells it from other models.
    """

    point: Point
    model: ModelSpec
    trial: TrialSpec
    params: int
    macs: int

    @property
    def key(self) -> str:
        """What tells its model from others."""
        return model_key(self.model)


def model_key(model: ModelSpec) -> str:
    """A digest of a model."""
    return digest(canonical(hashed(model)))


class Candidates:
    """Makes the candidates of a search.

    Args:
        definition: of the search.
        feasible: its space within its budget.
        score: of models at the scale, if the definition has a warm start.
    """

    def __init__(
        self,
        definition: Definition,
        feasible: "Feasible",
        score: Callable[[Sequence[ModelSpec]], Sequence[float]] | None = None,
    ) -> None:
        self.definition, self.feasible, self.score = definition, feasible, score
        self._figures: dict[frozenset[tuple[str, Any]], Figures] = {}

    def figures(self, points: Sequence[Mapping[str, Any]]) -> list[Figures]:
        """What the models of feasible points cost at full size, as `searchspace.cost.remembered.costs` gives it."""
        keys = [frozenset(point.items()) for point in points]
        unknown = {key: self.definition.space.spec(dict(key)) for key in set(keys) - self._figures.keys()}
        self._figures |= dict(zip(unknown, costs(list(unknown.values())), strict=True))
        return [self._figures[key] for key in keys]

    def at(self, point: Mapping[str, Any]) -> Candidate | None:
        """The candidate at a point; None where there is no model, or none at the scale, or outside the budget."""
        if not self.feasible.holds(point):
            return None
        try:
            model = self.definition.space.spec(point)
            trial = self.trial(model)
        except SpecError:
            return None
        cost = costs([model])[0]
        return Candidate(dict(point), model, trial, cost["params"], cost["macs"])

    def within(self, model: ModelSpec) -> bool:
        """Whether any model, a point of the space or not, is within the budget and can be had at the scale."""
        try:
            small = self.trial(model).model
        except SpecError:
            return False
        (cost,) = costs([model if self.definition.budget_at == "full" else small])
        return self.feasible.budget.excess(cost) == 0

    def trial(self, model: ModelSpec) -> TrialSpec:
        """The trial of a model as that of a study's arm would be; a SpecError says that the scale has no such one."""
        of = self.definition
        return ranking_trial(model, of.base, of.scale, of.seed)


def ranking_trial(model: ModelSpec, base: str, scale: Scale, seed: int) -> TrialSpec:
    """The trial of a model at a scale, as that of a study's arm would be which starts from the base.

    Raises:
        SpecError: if the scale has no such model.
    """
    arm = Arm(group="", name="candidate", model=model, baseline=True, optional=False, preset=base)
    study = Study("search", "", "", None, scale.scale, (seed,), (arm,), {"": base})
    (item,) = at_scale(study, scale)
    if item.model is None:
        raise SpecError(item.refusal)
    return expand([item], [seed]).arms[0][1]
