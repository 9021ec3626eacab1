"""Points of a space that meet a condition which few meet: found by steps, each with nearly the same chance.

A state gives every knob a value, those too that are not there in its point, so that a step is the same whatever the
conditions are: a few knobs get other values. As a point with few knobs has many states, a state counts for one over
their number, and the walk (Metropolis et al., 1953) accepts a step by the ratio of the two. To reach a small set, many
walks go through larger ones around it: the points of least excess stay, are multiplied, and each walks on within what
is left (subset simulation; Au and Beck, Probabilistic Engineering Mechanics 16, 2001). The last set is still some times
larger than what is wanted, as that may lie in islands that no few knobs lead between.
"""

import random
from collections.abc import Callable, Sequence
from math import exp, inf, log
from typing import Any, NamedTuple

from searchspace.space import Point, Space

WALKS = 512
KEPT = 0.25  # of the walks, from one set to the next smaller
STEPS = 10  # of each walk within one set
MOST_SETS = 60
MOST_LOOKS = 5000
PATIENCE = 6  # sets that are no smaller than the one before
WANTED = 1 / 32  # of the last set's points are without excess

State = dict[str, Any]
Excess = Callable[[Sequence[Point]], list[float]]


class Around(NamedTuple):
    """States nearly uniform over a set around what is wanted.

    Attributes:
        states: none, if nothing that is wanted was found.
        most: the largest excess in the set.
    """

    states: list[State]
    most: float


def state_of(space: Space, point: Point, rng: random.Random) -> State:
    """A state of a point: the knobs that it has not have any value."""
    return {p.name: point[p.name] if p.name in point else rng.choice(p.values) for p in space.parameters()}


def walk(
    space: Space, states: Sequence[State], excess: Excess, most: float, steps: int, rng: random.Random
) -> tuple[list[State], list[float]]:
    """Where walks are after some steps, and the excess there, which is never above `most`.

    Args:
        space: that they walk in.
        states: where each begins, within `most`.
        excess: of points: 0 for those that are wanted, infinite for those that make no model.
        most: the largest excess that a step may lead to.
        steps: of each.
        rng: source of chance.
    """
    logs = {parameter.name: log(len(parameter.values)) for parameter in space.parameters()}
    here, points = list(states), [space.active(state) for state in states]
    values = excess(points)
    for _ in range(steps):
        there = [_step(space, state, rng) for state in here]
        led_to = [space.active(state) for state in there]
        for i, value in enumerate(excess(led_to)):
            gain = sum(logs[name] for name in led_to[i]) - sum(logs[name] for name in points[i])
            if value <= most and (gain >= 0 or rng.random() < exp(gain)):
                here[i], points[i], values[i] = there[i], led_to[i], value
    return here, values


def narrowed(space: Space, points: Sequence[Point], excess: Excess, rng: random.Random) -> Around:
    """A small set around the points without excess, of which these are a good share.

    Args:
        space: that the points are of.
        points: uniform over it; the more, the less is left to the walks.
        excess: of points, as for `walk`.
        rng: source of chance.
    """
    states, values = [state_of(space, point, rng) for point in points], excess(points)
    most, idle, count = inf, 0, min(WALKS, len(points))
    for _ in range(MOST_SETS):
        order = sorted(range(len(states)), key=values.__getitem__)
        limit = values[order[max(1, int(KEPT * count) if len(states) == count else count) - 1]]
        idle = 0 if limit < most else idle + 1
        most = min(most, limit)
        if most == inf or idle > PATIENCE:
            break
        kept = [states[i] for i in order if values[i] <= most]
        states, values = walk(space, _spread(kept, count, rng), excess, most, STEPS, rng)
        if values.count(0.0) >= WANTED * count:
            return Around(states, most)
    return Around([], most)


def drawn(space: Space, around: Around, excess: Excess, rng: random.Random) -> Point | None:
    """A point without excess, nearly uniform over all of them; None if none is met.

    A walk in the set around them is looked at every few steps, not at each, so that it is not always at their edge.
    """
    steps = 2 * max(STEPS, len(space.parameters()))
    state = rng.choice(around.states)
    for _ in range(MOST_LOOKS):
        ((state,), (value,)) = walk(space, [state], excess, around.most, steps, rng)
        if value == 0:
            return space.active(state)
    return None


def _spread(states: Sequence[State], count: int, rng: random.Random) -> list[State]:
    """So many of some states: each as often as another, but for one."""
    times, more = divmod(count, len(states))
    return [*list(states) * times, *rng.sample(list(states), more)]


def _step(space: Space, state: State, rng: random.Random) -> State:
    """Another state; from there the way back has the same chance."""
    parameters = space.parameters()
    count = rng.choice((1, 1, 2, 3, len(parameters)))
    changed = dict(state)
    for parameter in rng.sample(parameters, min(count, len(parameters))):
        values = parameter.values
        if count < len(parameters) and parameter.ordered and rng.random() < 0.5:
            i = values.index(state[parameter.name]) + rng.choice((-2, -1, 1, 2))
            changed[parameter.name] = values[i] if 0 <= i < len(values) else state[parameter.name]
        else:
            changed[parameter.name] = rng.choice(values)
    return changed
