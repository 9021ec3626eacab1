"""Seeds by looks: what is trained next, when it ends, and what the looks cost in false verdicts."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reports.looks import Looks, Round, next_round
from reports.staged import staged
from reports.statistics import LEVEL

LOOKS = Looks(1.0, 3, 20)


Accuracies = Callable[[str, int], float]
SD, MEAN = st.floats(0.01, 3), st.floats(-3, 3)


def results(top1: Accuracies, trained: set[tuple[str, int]], arms: str = "bxy", n: int = 20) -> pd.DataFrame:
    """A row for each arm and seed that may be; `b` is the baseline."""
    rows = [
        {
            "group": "g",
            "arm": arm,
            "baseline": arm == "b",
            "seed": seed,
            "trial": f"{arm}{seed}",
            "top1": top1(arm, seed),
        }
        | {"status": "done" if (arm, seed) in trained else "planned"}
        for seed in range(n)
        for arm in arms
    ]
    return pd.DataFrame(rows).assign(params=1, macs=1)


def run_to_the_end(top1: Accuracies, looks: Looks, arms: str = "bxy") -> tuple[Round, list[Round]]:
    """Train all that is asked for, round by round."""
    trained: set[tuple[str, int]] = set()
    rounds = []
    while (now := next_round(results(top1, trained, arms, looks.most), looks, range(looks.most))).missing:
        rounds.append(now)
        asked = {(key[1], seed) for key, seed in now.missing}
        assert not asked & trained, "nothing is trained twice"
        trained |= asked
    return now, rounds


def drawn(seed: int, sds: dict[str, float], means: dict[str, float]) -> Accuracies:
    """Normal accuracies."""
    noise = np.random.default_rng(seed).standard_normal((len(sds), 20))
    values = {arm: 80 + means[arm] + sd * row for (arm, sd), row in zip(sds.items(), noise, strict=True)}
    return lambda arm, at: float(values[arm][at])


@pytest.mark.parametrize(
    ("looks", "stages"),
    [
        (Looks(1.0, 3, 20), [(3, 3), (5, 10), (8, 16), (13, 20), (20, 20)]),
        (Looks(1.0, 3, 20, 6), [(3, 6), (5, 10), (8, 16), (13, 20), (20, 20)]),
        (Looks(1.0, 4, 4), [(4, 4)]),
        (Looks(0.1, 2, 3), [(2, 2), (3, 3)]),
    ],
)
def test_looks_are_planned_before_the_first(looks: Looks, stages: list[tuple[int, int]]) -> None:
    assert looks.stages == stages
    assert looks.level * len(stages) == pytest.approx(LEVEL)


@given(st.integers(2, 50), st.integers(0, 200), st.none() | st.integers(1, 100))
def test_each_look_has_more_seeds_than_the_one_before(first: int, more: int, base: int | None) -> None:
    stages = Looks(1.0, first, first + more, base).stages
    assert stages[-1][0] == first + more
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(stages))
    assert all(first <= n <= n_base <= first + more for n, n_base in stages)


def test_the_baseline_is_asked_for_first_and_arms_that_are_resolved_no_more() -> None:
    top1 = drawn(1, {"b": 0.5, "x": 0.5, "y": 0.5}, {"b": 0, "x": 30, "y": 0.8})
    first = next_round(results(top1, set()), LOOKS, range(20))
    assert (first.look, len(first.missing)) == (0, 9)
    assert [key[1] for key, _ in first.missing] == ["b"] * 3 + ["x", "y"] * 3
    now = next_round(results(top1, {(arm, seed) for arm in "bxy" for seed in range(3)}), LOOKS, range(20))
    assert now.look == 1
    assert now.found == {("g", "x"): "higher", ("g", "y"): "open"}
    assert set(now.looked.values()) == {3}
    assert now.missing == [(("g", "b"), s) for s in range(3, 10)] + [(("g", "y"), 3), (("g", "y"), 4)]


def test_it_ends_when_differences_are_resolved_smaller_or_out_of_seeds() -> None:
    sds, means = {"b": 0.1, "x": 0.1, "y": 0.1, "z": 9.0}, {"b": 0, "x": -5, "y": 0, "z": 0}
    end, rounds = run_to_the_end(drawn(2, sds, means), LOOKS, "bxyz")
    assert {key[1]: found for key, found in end.found.items()} == {"x": "lower", "y": "smaller", "z": "open"}
    assert end.seeds["g", "z"] == 20
    assert end.seeds["g", "x"] < 20
    assert end.look == len(LOOKS.stages)
    assert len(rounds) <= end.look


def test_seeds_that_no_look_asked_for_are_not_looked_at() -> None:
    top1 = drawn(1, {"b": 0.5, "x": 0.5, "y": 0.5}, {"b": 0, "x": 30, "y": 0.8})
    few = {(arm, seed) for arm in "bxy" for seed in range(3)}
    more = few | {("y", seed) for seed in range(10, 20)}
    assert next_round(results(top1, few), LOOKS, range(20)) == next_round(results(top1, more), LOOKS, range(20))


def test_an_arm_of_which_a_seed_failed_gets_no_more() -> None:
    top1 = drawn(3, {"b": 0.5, "x": 0.5, "y": 0.5}, {"b": 0, "x": 0.8, "y": 0.8})
    frame = results(top1, {(arm, seed) for arm in "bxy" for seed in range(3)})
    frame["status"] = frame["status"].mask((frame["arm"] == "x") & (frame["seed"] == 1), "failed")
    now = next_round(frame, LOOKS, range(20))
    assert {key[1] for key, _ in now.missing} == {"b", "y"}


def test_an_arm_with_the_trials_of_another_is_given_the_same_seeds() -> None:
    top1 = drawn(4, {"b": 0.5, "x": 0.5, "y": 0.5}, {"b": 0, "x": 0.8, "y": 0})
    same = lambda arm, seed: top1("x" if arm == "y" else arm, seed)  # noqa: E731
    frame = results(same, {(arm, seed) for arm in "bxy" for seed in range(3)})
    frame["trial"] = frame["trial"].str.replace("y", "x")
    now = next_round(frame, LOOKS, range(20))
    assert now.found == {("g", "x"): "open"}
    assert now.seeds["g", "y"] == now.seeds["g", "x"] == 5


@settings(max_examples=8, deadline=None)
@example(202, (1.0, 1.0, 3.0), (-3.0, 0.0))  # the last look takes back what an earlier one found
@given(st.integers(0, 10**6), st.tuples(SD, SD, SD), st.tuples(MEAN, MEAN))
def test_a_run_that_was_killed_decides_the_same_again(
    seed: int, sds: tuple[float, ...], means: tuple[float, ...]
) -> None:
    looks = Looks(1.0, 2, 7)
    top1 = drawn(seed, dict(zip("bxy", sds, strict=True)), dict(zip("bxy", [0.0, *means], strict=True)))
    end, rounds = run_to_the_end(top1, looks)
    whole = [(key[1], at) for now in rounds for key, at in now.missing]
    for cut in range(0, len(whole), 4):
        now = next_round(results(top1, set(whole[:cut]), n=7), looks, range(7))
        left = {(key[1], at) for key, at in now.missing}
        round_ = next(r for r in rounds if whole[cut] in {(key[1], at) for key, at in r.missing})
        assert left == {(key[1], at) for key, at in round_.missing} - set(whole[:cut])
    decided = {key for now in rounds if now is not end for key, found in now.found.items() if found != "open"}
    assert all(found != "open" or end.seeds[key] == 7 or key in decided for key, found in end.found.items())


# ---- made-up studies

DEMO = [[0.44, 0.62, 1.11, 1.26, 0.20, 0.40, 0.21], [0.70, 0.50, 0.77, 0.32, 0.22, 0.71]]


@pytest.mark.parametrize("sds", [[0.5] * 6, [0.1] + [1.0] * 5, [0.3] + [0.6] * 5, [0.3, 0.6], *DEMO])
def test_false_verdicts_at_any_look_are_at_most_5_percent(sds: list[float]) -> None:
    studies = 4000
    draws = np.random.default_rng(0).standard_normal((studies, len(sds), LOOKS.most))
    none = staged(sds, [0.0] * (len(sds) - 1), LOOKS, draws)
    assert none.ever.any(1).mean() < LEVEL + 3 * math.sqrt(LEVEL / studies)
    at_the_size = staged(sds, [LOOKS.size] * (len(sds) - 1), LOOKS, draws)
    assert at_the_size.smaller.any(1).mean() < LEVEL + 3 * math.sqrt(LEVEL / studies), "it is not smaller"


def test_made_up_studies_are_looked_at_as_real_ones_are() -> None:
    sds, differences = [0.5, 0.3, 1.0, 0.8], [0.0, 2.0, 1.0]
    draws = np.random.default_rng(7).standard_normal((5, 4, LOOKS.most))
    found = staged(sds, differences, LOOKS, draws)
    for i, values in enumerate(draws):
        at = dict(zip("bxyz", zip(sds, [0.0, *differences], values, strict=True), strict=True))
        end, _ = run_to_the_end(lambda arm, seed, at=at: 80 + at[arm][1] + at[arm][0] * at[arm][2][seed], LOOKS, "bxyz")
        assert [end.seeds["g", arm] for arm in "bxyz"] == found.seeds[i].tolist()
        assert [end.found["g", arm] in ("higher", "lower") for arm in "xyz"] == found.found[i].tolist()
        assert [end.found["g", arm] == "smaller" for arm in "xyz"] == found.smaller[i].tolist()
