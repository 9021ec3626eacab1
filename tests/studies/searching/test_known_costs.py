"""Candidates by the hypervolume that they promise, when their costs are known."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import BUDGET, SPACE, accuracy, definition, in_memory
from searches import candidates as candidates_of

from searchspace.budget import Budget
from searchspace.feasible import Feasible
from searchspace.space import space_of
from studies.searching.known_costs import Evaluated, improvement, ranked

Points = list[tuple[int, int]]
OBJECTIVES = [("top1",), ("top1", "macs"), ("top1", "macs", "params")]


def volume(points: Points, worst: float, limit: float) -> float:
    """By cells of side 1: those that are no better than some point, from the worst accuracy up to the limit."""
    cells = [(a, c) for a in range(int(worst), 12) for c in range(12) if c + 1 <= limit]
    return sum(any(a + 1 <= top1 and c >= cost for top1, cost in points) for a, c in cells)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_an_improvement_is_what_the_hypervolume_grows_by(known: Points, new: tuple[int, int]) -> None:
    accuracy, cost = np.array(known, float).T
    (gain,) = improvement(accuracy, cost, np.array([[float(new[0])]]), np.array([float(new[1])]))
    costs = [*cost, new[1]]
    width = max(costs) - min(costs)
    beyond = 0.05 * width or 1.0  # the strip at the largest cost: as high as the best is above all others
    worst, best = float(accuracy.min()), float(accuracy.max())
    inner = volume([*known, new], worst, max(costs)) - volume(known, worst, max(costs))
    assert gain == pytest.approx(inner + beyond * max(0.0, new[0] - best))


def test_an_improvement_is_averaged_over_draws() -> None:
    one = [improvement(np.array([5.0]), np.array([1.0]), np.array([[a]]), np.array([1.0]))[0] for a in (4.0, 7.0)]
    both = improvement(np.array([5.0]), np.array([1.0]), np.array([[4.0, 7.0]]), np.array([1.0]))
    assert one[0] == 0 < one[1]
    assert both[0] == pytest.approx(sum(one) / 2)


@pytest.mark.parametrize("objectives", OBJECTIVES)
def test_what_is_proposed_is_feasible_and_was_not_before(objectives: tuple[str, ...]) -> None:
    of = candidates_of(definition("ehvi", objectives))
    first = list(of.definition.space.points())
    known = [point for point in first if of.feasible.holds(point)][:12]
    told = [
        Evaluated(found.point, {"macs": found.macs, "params": found.params}, accuracy(found) if i else None)
        for i, point in enumerate(known)
        if (found := of.at(point))
    ]
    parameters = of.definition.space.parameters()
    points = ranked(parameters, of, told, objectives[1:], random.Random(0))
    assert points and all(of.feasible.holds(point) for point in points)
    assert not [point for point in points if point in known]
    assert points == ranked(parameters, of, told, objectives[1:], random.Random(0))


def test_it_finds_the_best_in_fewer_trials_than_chance() -> None:
    found = {}
    for sampler in ("ehvi", "random"):
        search = in_memory(definition(sampler, ("top1",)))
        best = []
        for _ in range(24):
            proposal = search.propose()
            assert proposal is not None
            best.append(accuracy(proposal.candidate))
            search.tell(proposal.number, best[-1])
        found[sampler] = max(best)
    assert found["ehvi"] > found["random"]
    every = [
        candidate for point in space_of(SPACE).points() if (candidate := in_memory(definition()).candidates.at(point))
    ]
    assert found["ehvi"] == max(map(accuracy, every))


def test_in_a_space_that_is_not_gone_through_some_are_drawn_and_some_are_beside_the_best() -> None:
    more = {"backbone.attention": ["full", "ghost"], "backbone.qkv_bias": [True, False]}
    more["backbone.channel_attention"] = ["none", "squeeze_excite"]
    large = space_of(SPACE | {"knobs": SPACE["knobs"] | more})
    of = candidates_of(definition("ehvi", space=large))
    assert Feasible(large, BUDGET).counted() is None
    assert len(Feasible(space_of(SPACE), Budget()).counted() or ()) > 0
    drawn = [of.at(of.feasible.sample(random.Random(seed))) for seed in range(8)]
    told = [Evaluated(c.point, {"macs": c.macs, "params": c.params}, accuracy(c)) for c in drawn if c]
    points = ranked(large.parameters(), of, told, ["macs"], random.Random(0))
    assert len(points) > 100 and all(of.feasible.holds(point) for point in points)
    best = max(told, key=lambda one: one.top1 or 0).point
    assert min(sum(best.get(name) != point.get(name) for name in large.knobs) for point in points) == 1
