import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.statistics import holm, over_seeds


def frame(**arms: list[float]) -> pd.DataFrame:
    rows = [
        {"group": "g", "arm": arm, "baseline": arm == "base", "seed": seed, "status": "done", "top1": top1}
        for arm, values in arms.items()
        for seed, top1 in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(params=1000, macs=2_000_000)


def test_means_deviations_and_differences_are_those_of_plain_pandas() -> None:
    data = frame(base=[80.0, 82.0, 84.0], arm=[70.0, 71.0, 75.0])
    table = over_seeds(data).set_index("arm")
    assert table.loc["base", "top1"] == 82.0
    assert table.loc["base", "top1_sd"] == pytest.approx(2.0)
    assert table.loc["arm", "delta"] == pytest.approx(72.0 - 82.0)
    assert table.loc["arm", "n"] == 3
    assert table.loc["arm", "run_params_k"] == 1.0
    assert table.loc["arm", "run_macs_m"] == 2.0


def test_the_interval_is_welchs() -> None:
    base, arm = [80.0, 82.0, 84.0], [70.0, 71.0, 75.0, 76.0]
    row = over_seeds(frame(base=base, arm=arm)).set_index("arm").loc["arm"]
    a, b = np.var(arm, ddof=1) / 4, np.var(base, ddof=1) / 3
    freedom = (a + b) ** 2 / (a**2 / 3 + b**2 / 2)  # Welch and Satterthwaite's
    assert row["ci"] == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(a + b))


@pytest.mark.parametrize(
    ("arm", "verdict"),
    [([70.0, 70.1, 69.9], "lower"), ([90.0, 90.1, 89.9], "higher"), ([79.0, 81.5, 80.0], "unresolved")],
)
def test_a_verdict_needs_more_than_noise(arm: list[float], verdict: str) -> None:
    table = over_seeds(frame(base=[80.0, 80.1, 79.9], arm=arm)).set_index("arm")
    assert table.loc["arm", "verdict"] == verdict
    assert table.loc["base", "verdict"] == "baseline"


def test_one_seed_resolves_nothing() -> None:
    table = over_seeds(frame(base=[80.0], arm=[20.0])).set_index("arm")
    assert table.loc["arm", "verdict"] == "unresolved"
    assert np.isnan(table.loc["arm", "ci"])


def test_trials_that_are_not_done_count_for_nothing() -> None:
    data = frame(base=[80.0, 82.0], arm=[70.0, 99.0])
    data.loc[(data["arm"] == "arm") & (data["seed"] == 1), "status"] = "failed"
    table = over_seeds(data).set_index("arm")
    assert table.loc["arm", "n"] == 1
    assert table.loc["arm", "top1"] == 70.0


def test_an_arm_without_a_finished_trial_has_no_verdict() -> None:
    data = frame(base=[80.0, 82.0], arm=[70.0, 71.0])
    data.loc[data["arm"] == "arm", "status"] = "planned"
    row = over_seeds(data).set_index("arm").loc["arm"]
    assert row["verdict"] == ""
    assert np.isnan(row["delta"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_finds_no_more_than_uncorrected_tests_and_no_less_than_bonferroni(p: list[float]) -> None:
    values = np.array(p)
    found = holm(values, 0.05)
    assert (found <= (values <= 0.05)).all()
    assert (found >= (values <= 0.05 / len(values))).all()


def test_holm_on_a_worked_example() -> None:
    # Thresholds 0.0125, 0.0167, 0.025, 0.05: 0.01 passes, 0.02 does not, and then nothing does.
    assert holm(np.array([0.03, 0.01, 0.02, 0.9]), 0.05).tolist() == [False, True, False, False]


@pytest.mark.parametrize("status", ["failed", "planned", "missing"])
def test_arms_whose_baseline_is_not_trained_have_no_verdict(status: str) -> None:
    data = frame(base=[80.0, 82.0], arm=[70.0, 71.0])
    if status == "missing":
        data = data[data["arm"] == "arm"]
    else:
        data.loc[data["arm"] == "base", "status"] = status
    row = over_seeds(data).set_index("arm").loc["arm"]
    assert row["top1"] == 70.5
    assert row["verdict"] == ""
    assert np.isnan(row["delta"])


# ---- early stopping


def pruned(data: pd.DataFrame, arm: str, *seeds: int) -> pd.DataFrame:
    """The frame with these seeds of an arm stopped early, their accuracies left in."""
    chosen = (data["arm"] == arm) & data["seed"].isin(seeds)
    assert chosen.sum() == len(seeds)
    return data.assign(status=data["status"].mask(chosen, "pruned"))


def test_seeds_that_were_stopped_early_are_in_no_mean() -> None:
    data = pruned(frame(base=[80.0, 82.0], arm=[70.0, 1.0, 74.0, 2.0]), "arm", 1, 3)
    table = over_seeds(data).set_index("arm")
    assert table.loc["arm", ["n", "stopped"]].tolist() == [2, 2]
    assert table.loc["arm", "top1"] == 72.0
    assert table.loc["arm", "top1_sd"] == pytest.approx(np.std([70, 74], ddof=1))
    assert table.loc["base", ["n", "stopped"]].tolist() == [2, 0]
    assert table.loc["base", "verdict"] == "baseline"


def test_an_arm_with_a_stopped_seed_is_not_compared() -> None:
    row = (
        over_seeds(pruned(frame(base=[80.0, 80.1, 79.9], arm=[90.0, 90.1, 9.0]), "arm", 2)).set_index("arm").loc["arm"]
    )
    assert row["verdict"] == "stopped early"
    assert np.isnan(row["delta"]) and np.isnan(row["ci"])


def test_an_arm_with_stopped_seeds_alone_still_has_a_row() -> None:
    data = pruned(frame(base=[80.0, 82.0], arm=[70.0, 71.0]), "arm", 0, 1)
    row = over_seeds(data.assign(top1=data["top1"].mask(data["status"] == "pruned"))).set_index("arm").loc["arm"]
    assert row[["n", "stopped", "verdict"]].tolist() == [0, 2, "stopped early"]
    assert np.isnan(row["top1"]) and np.isnan(row["delta"])


def test_a_baseline_with_a_stopped_seed_gives_no_verdicts() -> None:
    data = pruned(frame(base=[80.0, 80.1, 79.9], low=[70.0, 70.1, 69.9], part=[60.0, 61.0, 1.0]), "base", 1)
    table = over_seeds(pruned(data, "part", 2)).set_index("arm")
    assert table["verdict"].to_dict() == {"base": "stopped early", "low": "", "part": "stopped early"}
    assert table[["delta", "ci"]].isna().all().all()
    assert table["top1"].to_dict() == pytest.approx({"base": 79.95, "low": 70.0, "part": 60.5})


def test_a_stopped_arm_leaves_the_correction_of_the_others_as_it_is_without_it() -> None:
    base, arm, noise = [80.0, 80.6, 79.4], [82.2, 81.2, 83.2], [80.0, 81.0, 79.0]
    assert 0.025 < stats.ttest_ind(arm, base, equal_var=False).pvalue < 0.05  # enough alone, not as one of two
    both = frame(base=base, arm=arm, noise=noise)
    assert over_seeds(both).set_index("arm").loc["arm", "verdict"] == "unresolved"
    stopped = pruned(both, "noise", 0)
    assert over_seeds(stopped).set_index("arm").loc["arm", "verdict"] == "higher"


TOP1 = st.lists(st.floats(50, 60), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(st.lists(TOP1, min_size=2, max_size=5), TOP1, st.data())
def test_a_stopped_arm_changes_nothing_for_any_other(arms: list[list[float]], early: list[float], data) -> None:
    whole = frame(**{"base" if i == 0 else f"arm{i}": values for i, values in enumerate(arms)}, early=early)
    seeds = data.draw(st.lists(st.sampled_from(range(len(early))), min_size=1, unique=True))
    among = over_seeds(pruned(whole, "early", *seeds))
    alone = over_seeds(whole[whole["arm"] != "early"])
    pd.testing.assert_frame_equal(among[among["arm"] != "early"], alone)


def test_stopping_in_one_group_is_nothing_to_another() -> None:
    one = pruned(frame(base=[80.0, 80.1], arm=[70.0, 70.1]), "base", 0)
    two = frame(base=[80.0, 80.1], arm=[70.0, 70.1]).assign(group="h")
    table = over_seeds(pd.concat([one, two], ignore_index=True)).set_index(["group", "arm"])
    assert table["verdict"].to_dict() == {
        ("g", "base"): "stopped early",
        ("g", "arm"): "",
        ("h", "base"): "baseline",
        ("h", "arm"): "lower",
    }


# ---- seeds that failed


def test_an_arm_of_which_seeds_failed_is_not_compared() -> None:
    data = frame(base=[80.0, 80.1, 79.9], arm=[90.0, 90.2, 0.0])
    data.loc[(data["arm"] == "arm") & (data["seed"] == 2), "status"] = "failed"
    row = over_seeds(data).set_index("arm").loc["arm"]
    assert (row["n"], row["failed"], row["verdict"]) == (2, 1, "seeds failed")
    assert row["top1"] == pytest.approx(90.1)
    assert np.isnan(row["delta"])
    data.loc[(data["arm"] == "base") & (data["seed"] == 2), "status"] = "failed"
    assert set(over_seeds(data)["verdict"]) == {"seeds failed"}
