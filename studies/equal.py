"""Arms at equal cost: one field of an arm is changed until it costs what another model does."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from searchspace.expand import SpecError, override
from searchspace.spec import ModelSpec, to_dict
from studies.study_file import Match

STEP = 0.05  # of a field that is not whole
WIDEST = 8  # the field may become so many times larger or smaller


def matched(model: ModelSpec, reference: ModelSpec, rule: Match) -> ModelSpec:
    """The model with the rule's field changed so that it costs as nearly as it can what the reference does.

    Raises:
        SpecError: for an unknown field, one that is no number, or if nothing comes within the rule's share.
    """
    from studies.costs import costs

    def cost(spec: ModelSpec) -> int:
        return costs([spec])[0][rule.figure]

    return nearest_cost(model, rule.field, cost(reference), cost, rule)


def nearest_cost(model: ModelSpec, field: str, target: int, cost: Callable[[ModelSpec], int], rule: Match) -> ModelSpec:
    """`matched` with a cost function that grows with the field."""
    value = _number(model, field)
    candidates = _candidates(model, field, value)
    above = bisect_left(candidates, target, key=cost)
    near = candidates[max(0, above - 1) : above + 1]
    best = min(near, key=lambda spec: abs(cost(spec) - target))
    if abs(cost(best) / target - 1) > rule.within:
        raise SpecError(
            f"match: no {field} gives {target / 1e6:.4g} M {rule.figure} within {100 * rule.within:g} %: the nearest, "
            f"{_number(best, field):g}, gives {cost(best) / 1e6:.4g} M; allow more (`within`), or match another field"
        )
    return best


def _candidates(model: ModelSpec, field: str, value: float) -> list[ModelSpec]:
    """The model with every value of the field that can be built, in order."""
    whole = isinstance(value, int)
    step = 1 if whole else STEP
    low, high = max(1, round(value / WIDEST / step)), round(value * WIDEST / step)
    found = []
    for k in range(low, high + 1):
        try:
            found.append(override(model, {field: k if whole else round(k * STEP, 4)}))
        except SpecError:
            continue
    return found


def _number(model: ModelSpec, field: str) -> int | float:
    value: Any = to_dict(model)
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        override(model, {field: 1})  # says what is unknown, and the nearest names
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"match: {field!r} is no number in this model, got {value!r}")
    return value
