"""From a point of a space to the model there, what it costs at full size, and the trial that ranks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from searchspace.cost.remembered import costs
from searchspace.expand import SpecError
from searchspace.spec import ModelSpec
from studies.language.expansion import at_scale, expand
from studies.language.study import Arm, Study
from studies.searching.definition import Definition
from studies.trials.identity import canonical, digest
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
    return digest(canonical(model.model_dump(mode="json")))


class Candidates:
    """Makes the candidates of a search."""

    def __init__(self, definition: Definition, feasible: "Feasible") -> None:
        self.definition, self.feasible = definition, feasible

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
        """The trial of a model as that of a study's arm would be.

        Raises:
            SpecError: if the scale has no such model.
        """
        of = self.definition
        arm = Arm(group="", name="candidate", model=model, baseline=True, optional=False, preset=of.base)
        study = Study("search", "", "", None, of.scale.scale, (of.seed,), (arm,), {"": of.base})
        (item,) = at_scale(study, of.scale)
        if item.model is None:
            raise SpecError(item.refusal)
        return expand([item], [of.seed]).arms[0][1]
