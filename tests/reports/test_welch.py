"""The methods against values computed otherwise: scipy's, by hand, and simulations with a fixed seed."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.chances import missed, power, seeds_needed, surplus
from reports.simulation import verdicts
from reports.statistics import FLOOR, LEVEL, over_seeds
from reports.welch import Pair, Sample, handful, other_pictures

BASE, ARM = [80.0, 82.0, 84.0], [70.0, 71.0, 75.0, 76.0]


def pair(arm: list[float], base: list[float], **more: float) -> Pair:
    return Pair(Sample.of(arm), Sample.of(base), **more)


def run(values: dict[str, list[float]]) -> pd.DataFrame:
    """A row a trial."""
    rows = [(arm, arm == "base", seed, top1) for arm, found in values.items() for seed, top1 in enumerate(found)]
    frame = pd.DataFrame(rows, columns=["arm", "baseline", "seed", "top1"])
    return frame.assign(group="", status="done", params=1, macs=1)


@pytest.mark.parametrize("level", [0.05, 0.01, 1e-6])
def test_without_floors_the_interval_and_the_p_value_are_scipys(level: float) -> None:
    theirs, ours = stats.ttest_ind(ARM, BASE, equal_var=False), pair(ARM, BASE)
    interval = theirs.confidence_interval(1 - level)
    assert ours.half_width(level) == pytest.approx((interval.high - interval.low) / 2)
    assert ours.p_value() == pytest.approx(theirs.pvalue)
    assert ours.plain_p() == pytest.approx(theirs.pvalue)
    assert ours.freedom == pytest.approx(theirs.df)


def test_the_effect_of_a_worked_example() -> None:
    # Means 82 and 73, variances 4 and 26/3: 9 / sqrt(19/3) = 3.576; freedom 2 * 3 * (38/3)^2 / (2 * (26/3)^2 + 3 * 16)
    # = 4.856, whose correction is gamma(2.428) / (sqrt(2.428) gamma(1.928)) = 0.838 (1 - 3 / (4 * 4.856 - 1) = 0.837).
    freedom = 962.6667 / 198.2222
    gamma = math.gamma(freedom / 2) / (math.sqrt(freedom / 2) * math.gamma((freedom - 1) / 2))
    assert pair(ARM, BASE).effect() == pytest.approx(-gamma * 3.5762, rel=1e-4)
    assert gamma == pytest.approx(1 - 3 / (4 * freedom - 1), abs=0.003)


def test_floors_never_make_an_interval_narrower() -> None:
    plain = pair(ARM, BASE).half_width(0.01)
    assert pair(ARM, BASE, floor=5.0).half_width(0.01) > plain
    assert pair(ARM, BASE, pictures=100).half_width(0.01) > plain
    assert pair(ARM, BASE, floor=1.0, pictures=math.inf).half_width(0.01) == pytest.approx(plain)


@pytest.mark.parametrize("floors", [{}, {"floor": 5.0}, {"pictures": 500}, {"floor": 9.0, "pictures": 200}])
def test_the_p_value_is_the_level_at_which_the_interval_ends_at_0(floors: dict[str, float]) -> None:
    one = pair(ARM, BASE, **floors)
    assert one.half_width(one.p_value()) == pytest.approx(abs(one.difference), rel=1e-6)


# ---- how often an interval misses


@pytest.mark.parametrize(("arm", "base", "share"), [(3, 3, 0.5), (3, 3, 0.02), (3, 6, 0.95), (5, 2, 0.3)])
def test_the_chance_of_a_miss_is_that_of_a_simulation(arm: int, base: int, share: float) -> None:
    random, studies = np.random.default_rng(1), 200_000
    a = random.normal(0, math.sqrt(share * arm), (studies, arm))
    b = random.normal(0, math.sqrt((1 - share) * base), (studies, base))
    found = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.02).mean()
    exact = missed(arm, base, 0.02, np.array([share]))[0]
    assert found == pytest.approx(exact, abs=5 * math.sqrt(exact / studies))


@pytest.mark.parametrize(("arm", "base", "level"), [(3, 3, 0.05), (3, 6, 0.05), (2, 2, 0.01), (4, 8, 0.01)])
def test_the_surplus_is_what_makes_the_worst_case_right(arm: int, base: int, level: float) -> None:
    assert missed(arm, base, level).max() > level
    assert missed(arm, base, level / (1 + surplus(arm, base, level))).max() == pytest.approx(level, rel=1e-3)


def test_the_surplus_goes_away_with_seeds() -> None:
    assert surplus(3, 3, 0.05) == pytest.approx(0.22, abs=0.01)
    assert surplus(3, 3, 0.05) > surplus(5, 5, 0.05) > surplus(20, 20, 0.05) >= 0
    assert surplus(2, 50, 0.001) > 1000, "two seeds against many that are quiet: nothing is found"


SETTINGS = [[1.0] * 6, [0.1] + [1.0] * 5, [0.3] + [1.0] * 5, [0.1] * 3 + [1.0] * 3, [1.0] + [0.1] * 5, [0.2, 1.0]]


@pytest.mark.parametrize("sds", SETTINGS)
@pytest.mark.parametrize("base_seeds", [3, 6])
def test_false_verdicts_of_a_group_are_at_most_5_percent(sds: list[float], base_seeds: int) -> None:
    studies = 20_000
    found = verdicts(sds, [0.0] * (len(sds) - 1), 3, base_seeds, studies, np.random.default_rng(2)).any(1).mean()
    assert found < LEVEL + 3 * math.sqrt(LEVEL / studies)


def test_plain_welch_breaks_5_percent_where_a_quiet_baseline_meets_noisy_arms() -> None:
    how = {"floored": False, "corrected": False}
    sds, random = [0.1] + [1.0] * 5, np.random.default_rng(2)
    assert verdicts(sds, [0.0] * 5, 3, 3, 20_000, random, **how).any(1).mean() > 0.07


def test_simulated_studies_are_judged_as_tables_judge_them() -> None:
    """The same random numbers, as means and variances that seeds have."""
    sds, differences, n, base = [0.5, 1.0, 1.0, 2.0], [0.0, 3.0, 6.0], 3, 4
    found = verdicts(sds, differences, n, base, 30, np.random.default_rng(5))
    random, counts = np.random.default_rng(5), np.array([base, n, n, n])
    means = random.standard_normal((30, 4)) * sds / np.sqrt(counts) + [0.0, *differences]
    variances = np.array(sds) ** 2 * random.chisquare(counts - 1, (30, 4)) / (counts - 1)
    for study, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        values = {}
        for arm, k, at, spread in zip(["base", "a", "b", "c"], counts, mean, np.sqrt(variance), strict=True):
            seeds = np.arange(k) - (k - 1) / 2
            values[arm] = list(50 + at + spread * seeds / seeds.std(ddof=1))
        table = over_seeds(run(values)).set_index("arm")
        assert table.loc[["a", "b", "c"], "verdict"].isin(["higher", "lower"]).tolist() == found[study].tolist()


def test_three_seeds_that_are_alike_by_chance_are_no_quiet_arm() -> None:
    values = {
        "base": [80.0, 80.01, 79.99],
        "alike": [80.2, 80.21, 80.2],
        "a": [79.0, 81.0, 80.0],
        "b": [78.0, 81.0, 80.0],
    }
    assert stats.ttest_ind(values["alike"], values["base"], equal_var=False).pvalue < LEVEL / 3 / 2
    row = over_seeds(run(values)).set_index("arm").loc["alike"]
    assert row["verdict"] == "unresolved"
    floor = FLOOR * np.median([np.var(values[arm], ddof=1) for arm in ("alike", "a", "b")])
    freedom = stats.ttest_ind(values["alike"], values["base"], equal_var=False).df
    level = LEVEL / (3 + surplus(3, 3, LEVEL))
    assert row["ci"] == pytest.approx(stats.t.isf(level / 2, freedom) * math.sqrt(2 * floor / 3))
    alone = over_seeds(run({arm: values[arm] for arm in ("base", "alike")})).set_index("arm")
    assert alone.loc["alike", "verdict"] == "higher"


def test_one_arm_that_varies_wildly_leaves_the_others_as_they_are() -> None:
    values = {"base": [80.0, 80.6, 79.4], "a": [82.4, 81.4, 83.4], "b": [80.0, 81.0, 79.0], "c": [79.0, 80.0, 81.0]}
    without = over_seeds(run(values)).set_index("arm")
    among = over_seeds(run(values | {"c": [10.0, 90.0, 50.0]})).set_index("arm")
    assert among.loc["a", ["ci", "p_corrected"]].tolist() == without.loc["a", ["ci", "p_corrected"]].tolist()


# ---- power, and seeds for it


@pytest.mark.parametrize(
    ("arm_sd", "base_sd", "n", "k", "difference"), [(1, 1, 3, 3, 4), (1, 0.3, 5, 5, 2), (1, 1, 3, 6, 4)]
)
def test_power_is_that_of_a_simulation(arm_sd: float, base_sd: float, n: int, k: int, difference: float) -> None:
    random, studies = np.random.default_rng(3), 100_000
    a = random.normal(difference, arm_sd, (studies, n))
    b = random.normal(0, base_sd, (studies, k))
    found = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.01).mean()
    assert power(arm_sd, base_sd, n, k, difference, 0.01) == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize(("sd", "comparisons"), [(0.5, 1), (0.5, 6), (1.2, 5), (0.1, 3)])
def test_the_seeds_needed_are_the_fewest_with_80_percent_power(sd: float, comparisons: int) -> None:
    def of_equal_variances(n: int) -> float:
        """By the noncentral t, of a test that pools the variances: with equal ones almost the same."""
        level, freedom, shift = LEVEL / (comparisons + surplus(n, n, LEVEL)), 2 * n - 2, 1 / (sd * math.sqrt(2 / n))
        return float(stats.nct.sf(stats.t.isf(level / 2, freedom), freedom, shift))

    fewest = next(n for n in range(2, 200) if of_equal_variances(n) >= 0.8)
    assert abs(seeds_needed(sd, sd, 1.0, LEVEL, comparisons) - fewest) <= 1


def test_some_differences_no_number_of_seeds_would_show() -> None:
    assert seeds_needed(50.0, 50.0, 1.0, LEVEL) == math.inf
    assert seeds_needed(0.5, 0.5, 1.0, LEVEL, 5, pictures=300) == math.inf, "they would be three pictures"
    assert math.isnan(seeds_needed(0.0, 0.0, 1.0, LEVEL))


# ---- a finite test set


def test_the_error_on_the_same_pictures_is_that_of_the_pictures_that_differ() -> None:
    # 9 of 1000 pictures, all won by one model: (9 - 0) / sqrt(9) = 3 by McNemar, with 9 (1 - 9/1000) for 9 here.
    assert 0.9 / handful(0.9, 1000) == pytest.approx(3 / math.sqrt(1 - 0.009))
    assert other_pictures(90.0, 80.0, 1000) == pytest.approx(
        math.hypot(*(math.sqrt(p * (1 - p) / 10) * 10 for p in (0.9, 0.8)))
    )


@pytest.mark.parametrize(("pictures", "verdict"), [(None, "higher"), (100, "unresolved"), (10_000, "higher")])
def test_no_verdict_rests_on_a_handful_of_pictures(pictures: int | None, verdict: str) -> None:
    values = {"base": [90.0, 90.0, 91.0], "arm": [93.0, 93.0, 94.0]}
    frame = run(values)
    table = over_seeds(frame if pictures is None else frame.assign(test_pictures=pictures)).set_index("arm")
    assert table.loc["arm", "verdict"] == verdict


@pytest.mark.parametrize("values", [{"base": [80.0], "arm": [20.0]}, {"base": [80.0] * 3, "arm": [20.0] * 3}])
def test_a_known_error_of_pictures_decides_nothing_where_seeds_tell_nothing(values: dict[str, list[float]]) -> None:
    frame = run(values)
    more = frame.assign(arm="other", baseline=False, top1=[1.0 + s for s in range(len(frame))])
    table = over_seeds(pd.concat([frame, more]).assign(test_pictures=8192)).set_index("arm")
    assert table.loc["arm", ["verdict", "finding"]].tolist() == [
        "unresolved",
        f"unresolved at n = {len(values['arm'])}",
    ]
    assert table.loc["arm", ["ci", "p", "p_corrected", "effect", "seeds_needed"]].isna().all()


def test_a_finding_says_what_would_resolve_it() -> None:
    values = {"base": [91.0, 91.5, 92.0], "arm": [91.2, 91.7, 92.2]}
    frame = run(values)
    row = over_seeds(frame).set_index("arm").loc["arm"]
    assert row["finding"] == f"unresolved at n = 3; about {row['seeds_needed']:.0f} seeds would show 1 point"
    assert row["seeds_needed"] == seeds_needed(0.5, 0.5, 1.0, LEVEL)
