import random
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from pydantic import ValidationError
from scipy.stats import chisquare

from searchspace import feasible
from searchspace.expand import SpecError
from searchspace.feasible import Budget, Feasible
from searchspace.space import Point, Space, space_of
from searchspace.spec import ModelSpec
from searchspace.walk import state_of, walk

KNOBS: dict[str, Any] = {
    "tokenizer.kind": ["t2t", "patch"],
    "tokenizer.mixer": {"values": ["performer", "none"], "when": {"tokenizer.kind": "t2t"}},
    "tokenizer.token_dim": {"values": [16, 32, 64], "when": {"tokenizer.kind": "t2t"}},
    "backbone.depth": {"low": 2, "high": 21},
    "backbone.embed_dim": {"low": 64, "high": 256, "step": 32},
    "heads": {"field": "backbone.num_heads", "per": "backbone.embed_dim", "divide_by": [32, 64]},
    "backbone.mlp_ratio": {"low": 1, "high": 4},
    "backbone.norm_eps": [1e-6, 1e-5],
}
SMALL = {name: knob for name, knob in KNOBS.items() if name not in ("backbone.norm_eps", "tokenizer.token_dim")}
SAMPLES = 400


def space(knobs: dict[str, Any] = KNOBS) -> Space:
    return space_of({"name": "mine", "base": "t2t_vit_7", "knobs": {"img_size": [64], **knobs}})


def cases(drawn: Iterable[Point], within: Feasible, borders: list[int]) -> dict[str, Counter[Any]]:
    """How often each knob has each value, or is not there, and in which of some parts the cost lies."""
    drawn = list(drawn)
    found = {p.name: Counter(point.get(p.name) for point in drawn) for p in within.space.parameters()}
    macs = [cost["macs"] for cost in within.figures(drawn) if cost]
    return found | {"macs": Counter(sum(m > border for border in borders) for m in macs)}


def check_alike(within: Feasible, drawn: list[Point]) -> None:
    """Refuse samples of which a marginal is not that of all points within the budget (Pearson's test)."""
    inside = [point for point in within.space.points() if within.holds(point)]
    macs = sorted(cost["macs"] for cost in within.figures(inside) if cost)
    borders = [macs[len(macs) * i // 5] for i in range(1, 5)]
    expected, found = cases(inside, within, borders), cases(drawn, within, borders)
    for name, wanted in expected.items():
        assert set(found[name]) <= set(wanted)
        shares = [len(drawn) * times / len(inside) for times in wanted.values()]
        if len(shares) > 1:
            assert chisquare([found[name][value] for value in wanted], shares).pvalue > 1e-3, name


def test_samples_are_uniform_over_the_points_within_the_budget() -> None:
    within, source = Feasible(space(), Budget(max_macs=30_000_000)), random.Random(0)
    assert within.space.size() > feasible.COUNTED
    drawn = [within.sample(source) for _ in range(SAMPLES)]
    assert all(map(within.holds, drawn))
    check_alike(within, drawn)


@pytest.mark.slow
@pytest.mark.parametrize(
    "budget",
    [Budget(min_macs=60_000_000, max_macs=61_000_000), Budget(min_params=12_500_000), Budget(max_macs=3_000_000)],
    ids=["a thin band", "an edge", "another edge"],
)
def test_samples_are_nearly_uniform_where_walks_draw_them(budget: Budget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasible, "RARE", 10)  # as if these were rare
    within, source = Feasible(space(), budget), random.Random(0)
    drawn = [within.sample(source) for _ in range(SAMPLES)]
    assert not within._is_common
    assert all(map(within.holds, drawn))
    check_alike(within, drawn)


def test_samples_of_a_small_space_are_uniform_point_by_point() -> None:
    within, source = Feasible(space(SMALL), Budget(max_macs=8_000_000)), random.Random(0)
    assert within.space.size() <= feasible.COUNTED
    inside = [tuple(point.items()) for point in within.space.points() if within.holds(point)]
    drawn = Counter(tuple(within.sample(source).items()) for _ in range(8 * len(inside)))
    assert set(drawn) <= set(inside)
    assert chisquare([drawn[point] for point in inside]).pvalue > 0.01


def test_walks_are_uniform_over_points_whatever_knobs_these_have() -> None:
    knobs = {name: knob for name, knob in KNOBS.items() if name.startswith("tokenizer")}
    ours, source = space(knobs), random.Random(0)
    start = state_of(ours, {"img_size": 64, "tokenizer.kind": "patch"}, source)
    states, _ = walk(ours, [start] * 1400, lambda points: [0.0] * len(points), 0.0, 12, source)
    drawn = Counter(tuple(ours.active(state).items()) for state in states)
    assert len(drawn) == ours.size() == 7, "six with soft splits, one with patches"
    assert chisquare(list(drawn.values())).pvalue > 0.01


def test_a_sample_depends_on_the_random_state_alone() -> None:
    budget = Budget(min_macs=60_000_000, max_macs=63_000_000)
    one, other = Feasible(space(), budget), Feasible(space(), budget)
    for seed in range(5):
        other.sample(random.Random(seed))
    assert one.sample(random.Random(9)) == other.sample(random.Random(9))


def test_the_costs_of_a_budget_may_be_those_of_a_smaller_model() -> None:
    def shrink(spec: ModelSpec) -> ModelSpec:
        if getattr(spec.backbone, "depth", 0) > 20:  # type: ignore[union-attr]
            raise SpecError("too deep for this scale")
        return spec.model_copy(update={"img_size": (32, 32)})

    budget = Budget(max_macs=20_000_000)
    whole, small = Feasible(space(), budget), Feasible(space(), budget, shrink)
    source = random.Random(0)
    points = [space().sample(source) for _ in range(200)]
    assert sum(map(small.holds, points)) > sum(map(whole.holds, points)) > 0
    assert not any(small.holds(point) for point in points if point["backbone.depth"] > 20)


@pytest.mark.parametrize("budget", [Budget(max_macs=30_000_000), Budget(min_macs=60_000_000, max_macs=63_000_000)])
def test_a_point_is_brought_within_the_budget_by_few_changes(budget: Budget) -> None:
    within, source = Feasible(space(), budget), random.Random(0)
    changes, at_random = [], []
    for _ in range(60):
        point = within.space.sample(source)
        found, other = within.nearest(point, source), within.sample(source)
        assert within.holds(found)
        assert found == point or not within.holds(point)
        changes.append(differing(point, found))
        at_random.append(differing(point, other))
    assert sum(changes) < 0.6 * sum(at_random)


def differing(one: Point, other: Point) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def test_values_that_make_no_point_are_brought_to_one() -> None:
    within, source = Feasible(space(), Budget(max_macs=30_000_000)), random.Random(0)
    children = [
        {"tokenizer.kind": "patch", "tokenizer.mixer": "none", "backbone.depth": 3},  # one too many, others missing
        within.space.sample(source) | {"backbone.embed_dim": 96, "heads": 64},  # heads that do not divide the width
        {"backbone.depth": 999, "unknown": 1},
        {},
    ]
    for child in children:
        assert within.holds(within.nearest(child, source))
    assert within.nearest(children[0], source)["backbone.depth"] == 3


@pytest.mark.slow
def test_the_cheapest_and_the_dearest_point_are_found() -> None:
    within = Feasible(space(), Budget())
    costs = [cost for cost in within.figures(within.space.points()) if cost]
    for figure in ("macs", "params"):
        for largest, best in ((False, min), (True, max)):
            point, cost = within.extreme(figure, largest)
            assert cost[figure] == best(c[figure] for c in costs)
            assert within.figures([point]) == [cost]


@pytest.mark.parametrize(
    ("knobs", "budget", "message"),
    [
        (KNOBS, Budget(max_macs=1000), "max_macs 1,000 excludes every model of space mine: the fewest MACs that w"),
        (
            KNOBS,
            Budget(min_params=10**9),
            "min_params 1,000,000,000 excludes every model of space mine: the most param",
        ),
        (
            SMALL,
            Budget(max_params=9),
            "max_params 9 excludes every model of space mine: the fewest params that were found",
        ),
        (
            KNOBS,
            Budget(max_macs=10**7, min_params=5 * 10**6),
            "max_macs 10,000,000 and min_params 5,000,000 together exclude every model of space mine: with min_params",
        ),
        (
            SMALL,
            Budget(min_macs=7_000_001, max_macs=7_000_002),
            "max_macs 7,000,002 and min_macs 7,000,001 together exclude every model of space mine: with min_macs "
            "7,000,001, the fewest MACs that were found are 7,009,344; with max_macs 7,000,002, the most MACs that",
        ),
    ],
)
def test_a_budget_that_excludes_everything_says_which_bound_and_what_can_be_reached(
    knobs: dict[str, Any], budget: Budget, message: str
) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}") as raised:
        Feasible(space(knobs), budget).check()
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_the_nearest_value_that_is_told_can_be_reached_and_is_near_the_nearest() -> None:
    bounds = {"min_params": 5 * 10**6}
    ours = Feasible(space(), Budget(**bounds))
    with pytest.raises(SpecError) as raised:
        Feasible(ours.space, Budget(max_macs=10**7, **bounds)).sample(random.Random(0))
    told = int(re.findall(r"the fewest MACs that were found are ([\d,]+)", str(raised.value))[0].replace(",", ""))
    inside = [cost["macs"] for cost in ours.figures(ours.space.points()) if cost and ours.budget.excess(cost) == 0]
    assert min(inside) <= told <= 1.02 * min(inside)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_macs": 5, "min_macs": 6}, "min_macs must be at most max_macs, got 6 and 5"),
        ({"max_macs": 0}, "a whole number from 1 to"),
        ({"max_mac": 5}, "Extra inputs are not permitted"),
    ],
)
def test_a_budget_that_contradicts_itself_is_refused(bounds: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Budget(**bounds)


@pytest.mark.slow
def test_a_budget_that_few_models_keep_is_met() -> None:
    (cost,) = Feasible(space(), Budget()).figures([space().sample(random.Random(5))])
    assert cost is not None
    bounds = {f"{side}_{figure}": cost[figure] for side in ("min", "max") for figure in ("macs", "params")}
    within = Feasible(space(), Budget(**bounds))
    within.check()
    assert within.holds(within.sample(random.Random(0)))
    assert within.extreme("params")[1]["macs"] == cost["macs"]


def test_without_bounds_everything_that_makes_a_model_is_within() -> None:
    within, source = Feasible(space(), Budget()), random.Random(0)
    points = [within.space.draw(source) for _ in range(100)]
    assert [within.holds(point) for point in points] == [within.space.valid(point) for point in points]
    assert all(map(within.holds, (within.sample(source) for _ in range(20))))
