"""The points of a space within a budget: is one, draw one, come from another to one, say why there is none.

Budgets are checked by costs that are the sum over a model's parts (`searchspace.cost.remembered`), a candidate and
its spec some 0.1 ms once its parts are known. How points are drawn depends on how many there are:

- a space of at most `COUNTED` points is gone through point by point, and each draw is exactly uniform;
- where at least one in `RARE` points is within the budget, points are drawn until one is, exactly uniform too;
- else a walk in a set around them is followed until it meets one, nearly uniform (see `searchspace.walk`).
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import Any

from searchspace.budget import CALLED, Budget, excess
from searchspace.cost.remembered import Figures, costs
from searchspace.descent import STARTS, lowest, near, towards
from searchspace.expand import SpecError
from searchspace.space import Point, Space
from searchspace.spec import ModelSpec
from searchspace.walk import Around, drawn, narrowed, state_of

__all__ = ["Budget", "Feasible"]

COUNTED = 4096  # points
PROBES = 256  # random points by which the share within the budget is judged at first, where it is small by more
MOST_PROBES = 4096
ENOUGH = 8  # of them within the budget
RARE = 1000
MOST_REMEMBERED = 200_000  # candidates


class Feasible:
    """The points of a space within a budget.

    Args:
        space: of all points.
        budget: that a model has to keep.
        shrink: makes the model whose cost counts of the full-size one; a SpecError says that there is none. Default:
            the full-size model's cost counts.
    """

    def __init__(self, space: Space, budget: Budget, shrink: Callable[[ModelSpec], ModelSpec] | None = None) -> None:
        self.space, self.budget = space, budget
        self._shrink = shrink or (lambda spec: spec)
        self._remembered: dict[frozenset[tuple[str, Any]], Figures | None] = {}

    def figures(self, points: Iterable[Mapping[str, Any]]) -> list[Figures | None]:
        """The cost of each point's model, as `searchspace.cost.remembered.costs` gives it; None if it makes none."""
        keys = [frozenset(point.items()) for point in points]
        unknown = [key for key in dict.fromkeys(keys) if key not in self._remembered]
        if len(self._remembered) + len(unknown) > MOST_REMEMBERED:
            self._remembered.clear()
            unknown = list(dict.fromkeys(keys))
        specs = {key: spec for key in unknown if (spec := self._spec(key)) is not None}
        self._remembered |= dict.fromkeys(unknown) | dict(zip(specs, costs(list(specs.values())), strict=True))
        return [self._remembered[key] for key in keys]

    def excess(self, points: Iterable[Mapping[str, Any]]) -> list[float]:
        """How far each point is outside the budget (`Budget.excess`); infinite if it makes no model."""
        return [inf if cost is None else self.budget.excess(cost) for cost in self.figures(points)]

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether a point makes a model that is within the budget."""
        return self.excess([point]) == [0.0]

    def check(self) -> None:
        """Refuse a budget that no point keeps.

        Raises:
            SpecError: which bound excludes all, and the nearest value that can be reached.
        """
        if not (self._all if self._is_counted else self._is_common or self._around.states):
            raise SpecError(self._why_none())

    def sample(self, rng: random.Random) -> Point:
        """A point within the budget, each with nearly the same chance; it depends on the random state alone.

        Raises:
            SpecError: if there is none.
        """
        if self._is_common:
            for _ in range(100 * RARE):
                point = self.space.draw(rng)
                if self.holds(point):
                    return point
        self.check()
        if self._is_counted:
            return dict(rng.choice(self._all))
        met = drawn(self.space, self._around, self.excess, rng)
        if met is None:
            raise SpecError(f"too few models of space {self.space.name} have {self.budget}: none was met")
        return met

    def nearest(self, point: Mapping[str, Any], rng: random.Random) -> Point:
        """A point within the budget of which few knobs differ from a given one; that one, if it is within.

        Args:
            point: values of knobs. What it has of knobs that its own values make superfluous is left out, what it
                lacks is drawn.
            rng: source of chance.

        Raises:
            SpecError: if there is none.
        """
        known = {p.name: p.values for p in self.space.parameters()}
        wanted = {name: value for name, value in point.items() if name in known and value in known[name]}
        found = near(self.space, wanted, self.excess, rng) or self.sample(rng)
        return towards(self.space, found, wanted, self.holds, rng)

    def extreme(self, figure: str, largest: bool = False) -> tuple[Point, Figures]:
        """The point of the least, or largest, `macs` or `params` within the budget, as far as a search by steps finds
        it; exactly that in a space of at most `COUNTED` points.

        Raises:
            SpecError: if there is none.
        """
        self.check()
        inside = [] if self._is_counted else [self.sample(random.Random(seed)) for seed in range(STARTS)]
        point = self._least(self.budget, lambda cost: -cost[figure] if largest else cost[figure], inside)
        (cost,) = self.figures([point])
        if cost is None:
            raise SpecError(f"no point of space {self.space.name} makes a model")
        return point, cost

    def counted(self) -> list[Point] | None:
        """All points within the budget, of a space of at most `COUNTED` points; None of a larger one."""
        return [dict(point) for point in self._all] if self._is_counted else None

    def neighbour(self, point: Mapping[str, Any], rng: random.Random) -> Point | None:
        """A point within the budget in which one knob differs, and those that come or go with it.

        Returns:
            None if the one that was drawn is outside the budget.
        """
        state = state_of(self.space, dict(point), rng)
        parameter = rng.choice([p for p in self.space.parameters() if p.name in point and len(p.values) > 1])
        state[parameter.name] = rng.choice([value for value in parameter.values if value != point[parameter.name]])
        found = self.space.active(state)
        return found if self.holds(found) else None

    @property
    def _is_counted(self) -> bool:
        return self.space.size() <= COUNTED

    @cached_property
    def _probes(self) -> list[Point]:
        """Random points, so many that some are within the budget, if it is not too small."""
        source, found, within = random.Random(0), list[Point](), 0
        while within < ENOUGH and len(found) < MOST_PROBES:
            more = [self.space.draw(source) for _ in range(max(PROBES, len(found)))]
            within += self.excess(more).count(0.0)
            found += more
        return found

    @cached_property
    def _is_common(self) -> bool:
        """Whether drawing until one is within the budget is fast."""
        return not self._is_counted and RARE * self.excess(self._probes).count(0.0) >= len(self._probes)

    @cached_property
    def _all(self) -> list[Point]:
        """The points within the budget, of a space that is counted."""
        points = list(self.space.points())
        return [point for point, excess in zip(points, self.excess(points), strict=True) if excess == 0.0]

    @cached_property
    def _around(self) -> Around:
        """Where a walk finds points within the budget, if they are rare."""
        source = random.Random(1)
        around = narrowed(self.space, self._probes, self.excess, source)
        if not around.states:  # as few as the walks go past
            point = self._least(self.budget, lambda cost: 0.0)
            if self.holds(point):
                return Around([state_of(self.space, point, source)], around.most)
        return around

    def _spec(self, key: frozenset[tuple[str, Any]]) -> ModelSpec | None:
        values = dict(key)
        try:
            point = {p.name: values[p.name] for p in self.space.parameters() if p.name in values}
            if len(point) < len(values):
                return None
            return self._shrink(self.space.spec(point))
        except SpecError:
            return None

    def _least(self, budget: Budget, value: Callable[[Figures], float], more: Sequence[Point] = ()) -> Point:
        """The point of the least value within a budget, or if none is, the one that is least outside.

        The search starts from random points, and from some more.
        """

        def rank(points: Sequence[Point]) -> list[tuple[float, float]]:
            return [(inf, inf) if cost is None else (budget.excess(cost), value(cost)) for cost in self.figures(points)]

        return lowest(self.space, [*more, *(self.space.points() if self._is_counted else self._probes)], rank)

    def _why_none(self) -> str:
        name_of_space, given = f"space {self.space.name}", self.budget.bounds()
        if not any(self.figures(self.space.points() if self._is_counted else self._probes)):
            return f"no point of {name_of_space} makes a model that can be counted"
        for name, bound in given.items():
            reached = self._reached(name, Budget())
            if excess(name, bound, reached) > 0:
                return f"{name} {bound:,} excludes every model of {name_of_space}: {_best(name, reached)}"
        nearest = []
        for name in given:
            others = self.budget.without(name)
            reached = self._reached(name, others)
            if others.excess(reached) == 0:
                nearest.append(f"with {others}, {_best(name, reached)}")
        text = f"{self.budget} together exclude every model of {name_of_space}"
        return f"{text}: {'; '.join(nearest) or 'so do fewer of them: widen one'}"

    def _reached(self, bound: str, others: Budget) -> Figures:
        """The cost of the model that comes nearest to keeping one bound, among those that keep the others."""
        side, figure = bound.split("_")
        point = self._least(others, lambda cost: cost[figure] if side == "max" else -cost[figure])
        (cost,) = self.figures([point])
        return cost or {}


def _best(bound: str, reached: Figures) -> str:
    side, figure = bound.split("_")
    return f"the {'fewest' if side == 'max' else 'most'} {CALLED[figure]} that were found are {reached[figure]:,}"
