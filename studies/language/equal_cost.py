"""Arms at equal cost: one field of an arm is changed until it costs what another model does on the same pictures."""

from collections.abc import Callable

from searchspace.cost.remembered import costs
from searchspace.expand import SpecError, field_at, override
from searchspace.spec import ModelSpec, to_dict
from studies.language.study_file import Match

OF_PICTURES = (
    "img_size",
    "in_chans",
    "num_classes",
)  # fields that say what the pictures are, and not what the model is
STEP = 0.05  # of a field that is not whole
WIDEST = 8  # the field may become so many times larger or smaller


def matched(model: ModelSpec, reference: ModelSpec, rule: Match) -> ModelSpec:
    """The model with the rule's field changed so that it costs as nearly as it can what the reference does.

    Both are counted on the reference's pictures and classes. An arm that goes on from another at larger pictures, or at
    other classes, thus gets the value that the other one has, and can start with its weights.

    Raises:
        SpecError: for an unknown field, one that is no number, if nothing comes within the rule's share, or for a model
            that cannot be built for the reference's pictures.
    """

    def cost(spec: ModelSpec) -> int:
        return costs([spec])[0][rule.figure]

    try:
        alike = override(model, {name: getattr(reference, name) for name in OF_PICTURES})
    except SpecError as error:
        raise SpecError(f"match: on the baseline's pictures: {error}") from None
    found = nearest_cost(alike, rule.field, cost(reference), cost, rule)
    return override(model, {rule.field: _number(found, rule.field)})


def nearest_cost(model: ModelSpec, field: str, target: int, cost: Callable[[ModelSpec], int], rule: Match) -> ModelSpec:
    """`matched` with a cost function that grows with the field, asked as rarely as can be."""
    value = _number(model, field)
    steps = _Steps(model, field, value, cost)
    below, above = steps.bracket(target)
    while (between := steps.guess(below, above, target)) is not None:
        below, above = (between, above) if steps.cost(between) < target else (below, between)
    best = min((below, above), key=lambda k: abs(steps.cost(k) - target))
    spec = steps.spec(best)
    assert spec is not None
    if abs(cost(spec) / target - 1) > rule.within:
        raise SpecError(
            f"match: no {field} gives {target / 1e6:.4g} M {rule.figure} within {100 * rule.within:g} %: the nearest, "
            f"{_number(spec, field):g}, gives {cost(spec) / 1e6:.4g} M; allow more (`within`), or match another field"
        )
    return spec


class _Steps:
    """The model with the field at k steps, for the k that can be built, and what each costs."""

    def __init__(self, model: ModelSpec, field: str, value: int | float, cost_of: Callable[[ModelSpec], int]) -> None:
        self.model, self.field, self.cost_of = model, field, cost_of
        self.whole = isinstance(value, int)
        step = 1 if self.whole else STEP
        self.start = max(1, round(value / step))
        self.low, self.high = max(1, round(value / WIDEST / step)), round(value * WIDEST / step)
        self.specs: dict[int, ModelSpec | None] = {}
        self.costs: dict[int, int] = {}

    def spec(self, k: int) -> ModelSpec | None:
        """The model; None if it cannot be built."""
        if k not in self.specs:
            try:
                self.specs[k] = override(self.model, {self.field: k if self.whole else round(k * STEP, 4)})
            except SpecError:
                self.specs[k] = None
        return self.specs[k]

    def cost(self, k: int) -> int:
        """What one that can be built costs."""
        if k not in self.costs:
            spec = self.spec(k)
            assert spec is not None
            self.costs[k] = self.cost_of(spec)
        return self.costs[k]

    def near(self, k: int, low: int, high: int) -> int | None:
        """The nearest that can be built, from low to high; None if there is none."""
        around = sorted(range(low, high + 1), key=lambda other: abs(other - k))
        return next((other for other in around if self.spec(other) is not None), None)

    def bracket(self, target: int) -> tuple[int, int]:
        """Two that can be built, one costing less than the target and one not, as far as there are such.

        Raises:
            SpecError: if none can be built.
        """
        k = self.near(self.start, self.low, self.high)
        if k is None:
            raise SpecError(f"match: no {self.field} from {self.low} to {self.high} steps can be built")
        below = above = k
        while self.cost(above) < target:
            wider = self.near(min(2 * above, self.high), above + 1, self.high)
            if wider is None:
                return above, above
            below, above = above, wider
        while self.cost(below) >= target:
            narrower = self.near(max(below // 2, self.low), self.low, below - 1)
            if narrower is None:
                return below, below
            below, above = narrower, below
        return below, above

    def guess(self, below: int, above: int, target: int) -> int | None:
        """One between two, where a straight line meets the target; None if there is none between."""
        if above - below < 2:
            return None
        share = (target - self.cost(below)) / max(1, self.cost(above) - self.cost(below))
        aimed = min(max(round(below + share * (above - below)), below + 1), above - 1)
        return self.near(aimed, below + 1, above - 1)


def check_field(model: ModelSpec, field: str) -> None:
    """Refuse a field that cannot be changed until costs are equal; nothing is counted.

    Raises:
        SpecError: for an unknown field (with the nearest names), or one that is no number above 0.
    """
    _number(model, field)


def _number(model: ModelSpec, field: str) -> int | float:
    value = field_at(to_dict(model), field)
    if value is None:
        override(model, {field: 1})  # says what is unknown, and the nearest names
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"match: {field!r} is no number in this model, got {value!r}")
    if value <= 0:
        raise SpecError(f"match: {field!r} is {value:g} in this model: there is nothing to make larger or smaller")
    return value
