"""From a point of a space to a better one, a knob at a time."""

import random
from collections.abc import Callable, Sequence
from math import inf

from searchspace.space import Point, Space
from searchspace.walk import State, state_of

STARTS = 8
PAIRS = 5000  # of changes, that are tried where no single change is better
MOST_ROUNDS = 200

Rank = Callable[[Sequence[Point]], Sequence[tuple[float, float]]]


def lowest(space: Space, starts: Sequence[Point], rank: Rank) -> Point:
    """A point of low rank, that no change of one knob or of two makes lower.

    From each of the lowest of some points the best change of one knob is taken as long as one is better; from where the
    best of them ends, also changes of two, all of them or so many at random.
    """
    rng = random.Random(2)
    order = sorted(zip(rank(starts), range(len(starts)), strict=True))[:STARTS]
    ends = [_descend(space, state_of(space, starts[i], rng), value, rank) for value, i in order]
    value, state = min(ends, key=lambda end: end[0])
    for _ in range(MOST_ROUNDS):
        better, there = _best(space, _pairs(space, state, rng), rank)
        if better >= value:
            break
        value, state = _descend(space, there, better, rank)
    return space.active(state)


def near(
    space: Space, point: Point, excess: Callable[[Sequence[Point]], Sequence[float]], rng: random.Random
) -> Point | None:
    """A point without excess that few changes lead to from a given one; None if changes of one knob lead to none.

    Args:
        space: that the points are of.
        point: values of knobs, not necessarily of all that it should have.
        excess: of points; infinite for those that make no model.
        rng: chooses among those that are as near.
    """
    state = state_of(space, point, rng)
    (value,) = excess([space.active(state)])
    for _ in space.parameters():
        if value == 0:
            return space.active(state)
        around = _around(space, state)
        values = excess([space.active(other) for other in around])
        best = min(values, default=inf)
        if best >= value:
            return None
        state = rng.choice([other for other, found in zip(around, values, strict=True) if found == best])
        value = best
    return space.active(state) if value == 0 else None


def towards(space: Space, point: Point, goal: Point, holds: Callable[[Point], bool], rng: random.Random) -> Point:
    """A point that holds, brought nearer to a goal that need not: each knob that can have the goal's value has it."""
    state = state_of(space, point, rng)
    for name in rng.sample(sorted(goal), len(goal)):
        if holds(space.active(state | {name: goal[name]})):
            state[name] = goal[name]
    return space.active(state)


def _descend(space: Space, state: State, value: tuple[float, float], rank: Rank) -> tuple[tuple[float, float], State]:
    for _ in range(MOST_ROUNDS):
        better, there = _best(space, _around(space, state), rank)
        if better >= value:
            break
        value, state = better, there
    return value, state


def _best(space: Space, states: Sequence[State], rank: Rank) -> tuple[tuple[float, float], State]:
    ranks = rank([space.active(state) for state in states])
    return min(zip(ranks, states, strict=True), key=lambda ranked: ranked[0], default=((inf, inf), {}))


def _around(space: Space, state: State) -> list[State]:
    """The states in which one knob of the point has another value."""
    there = space.active(state)
    return [
        state | {parameter.name: value}
        for parameter in space.parameters()
        if parameter.name in there
        for value in parameter.values
        if value != state[parameter.name]
    ]


def _pairs(space: Space, state: State, rng: random.Random) -> list[State]:
    """The states in which two knobs of the point have other values."""
    once = _around(space, state)
    changed = [next((name, new[name]) for name in state if new[name] != state[name]) for new in once]
    pairs = [(i, j) for i in range(len(once)) for j in range(i) if changed[i][0] != changed[j][0]]
    if len(pairs) > PAIRS:
        pairs = rng.sample(pairs, PAIRS)
    return [once[i] | dict([changed[j]]) for i, j in pairs]
