from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.cells import verdict_remarks
from reports.chances import surplus
from reports.statistics import LEVEL, TASK, VIEW, over_seeds
from studies.trials.data import Cifar10Spec, Cifar100Spec, DataSpec, DigitsSpec, FolderSpec, TimmDataSpec


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
    level = 0.05 / (1 + surplus(4, 3, 0.05))
    assert row["ci"] == pytest.approx(stats.t.ppf(1 - level / 2, freedom) * np.sqrt(a + b))
    assert row["p"] == pytest.approx(stats.ttest_ind(arm, base, equal_var=False).pvalue)


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


ACCURACIES = st.lists(st.integers(4000, 4100).map(lambda pictures: 100 * pictures / 8192), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACCURACIES, min_size=2, max_size=5))
def test_the_interval_leaves_out_0_exactly_where_there_is_a_verdict(arms: list[list[float]]) -> None:
    table = over_seeds(frame(**{"base" if i == 0 else f"arm{i}": values for i, values in enumerate(arms)}))
    compared = table[table["arm"] != "base"]
    found = (compared["delta"] - compared["ci"] > 0) | (compared["delta"] + compared["ci"] < 0)
    assert (compared["verdict"] != "unresolved").tolist() == found.tolist()
    assert (compared["p_corrected"] < LEVEL).tolist() == found.tolist()
    assert (compared["comparisons"] == len(compared)).all()


@pytest.mark.parametrize("others", [0, 1, 4])
def test_the_intervals_of_a_group_hold_at_once(others: int) -> None:
    base, arm = [80.0, 80.6, 79.4], [82.4, 81.4, 83.4]
    more = {f"other{i}": [80.0, 80.6, 79.4] for i in range(others)}
    row = over_seeds(frame(base=base, arm=arm, **more)).set_index("arm").loc["arm"]
    alone = stats.ttest_ind(arm, base, equal_var=False).confidence_interval(
        1 - LEVEL / (others + 1 + surplus(3, 3, LEVEL))
    )
    assert (row["delta"] - row["ci"], row["delta"] + row["ci"]) == pytest.approx((alone.low, alone.high))
    assert row["verdict"] == ("higher" if others == 0 else "unresolved")


def test_nothing_is_found_where_seeds_have_no_spread_at_all() -> None:
    row = over_seeds(frame(base=[80.0, 80.0, 80.0], arm=[80.012, 80.012, 80.012])).set_index("arm").loc["arm"]
    assert row["delta"] == pytest.approx(0.012)
    assert row["verdict"] == "unresolved"
    assert np.isnan(row["ci"]) and np.isnan(row["p"])


# ---- arms that have the same trials


def with_trials(data: pd.DataFrame, **trials: str) -> pd.DataFrame:
    """The frame with the trials of its arms: a name of a model, and the seed."""
    names = data["arm"].map(lambda arm: trials.get(arm, arm))
    return data.assign(trial=names + "-" + data["seed"].astype(str))


def test_arms_of_the_same_trials_are_one_comparison() -> None:
    base, arm = [80.0, 80.6, 79.4], [82.4, 81.4, 83.4]
    assert LEVEL / 2 < stats.ttest_ind(arm, base, equal_var=False).pvalue < LEVEL  # enough alone, not as one of two
    data = with_trials(frame(base=base, arm=arm, again=arm), again="arm")
    table = over_seeds(data).set_index("arm")
    assert table["verdict"].to_dict() == {"base": "baseline", "arm": "higher", "again": "as arm"}
    assert table.loc["arm", "comparisons"] == 1
    assert table.loc["again", ["delta", "ci", "p", "comparisons"]].isna().all()
    assert table.loc["again", "top1"] == table.loc["arm", "top1"]


def test_an_arm_of_the_baselines_trials_is_no_comparison() -> None:
    data = with_trials(frame(again=[80.0, 80.6], base=[80.0, 80.6], arm=[70.0, 70.5]), again="base")
    table = over_seeds(data).set_index("arm")
    assert table["verdict"].to_dict() == {"again": "as base", "base": "baseline", "arm": "lower"}
    assert table.loc["arm", "comparisons"] == 1


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
    base, arm, noise = [80.0, 80.6, 79.4], [82.4, 81.4, 83.4], [80.0, 81.0, 79.0]
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


def with_data(data: pd.DataFrame, arm: str, **fields: object) -> pd.DataFrame:
    """The same results, where one arm has other data than the others."""
    plain = {"data.num_classes": 10, "data.validation": None, "data.noise": 0.1, "stage": None, "test_pictures": 500}
    data = data.assign(**plain).astype(object)
    for name, value in fields.items():
        data.loc[data["arm"] == arm, name if name in plain else f"data.{name}"] = value
    return data


@pytest.mark.parametrize(("field", "value"), [("num_classes", 4), ("validation", 0.5)])
def test_an_arm_that_was_tested_on_another_task_is_not_compared(field: str, value: float) -> None:
    results = frame(base=[80.0, 81.0, 80.5], other=[90.0, 91.0, 90.5], like=[82.0, 83.0, 82.5])
    rows = over_seeds(with_data(results, "other", **{field: value})).set_index("arm")
    assert rows.loc["other", "verdict"] == rows.loc["other", "finding"] == "other task"
    assert rows.loc["other", ["delta", "ci", "p"]].isna().all()
    without = over_seeds(with_data(results[results["arm"] != "other"], "")).set_index("arm")
    assert rows.loc["like", "delta":"pictures_ci"].equals(without.loc["like", "delta":"pictures_ci"])
    told = verdict_remarks(rows.reset_index())
    assert "Tested on other classes or another split than the baseline, and not compared: other." in told
    assert any("on the same 500 test pictures" in line for line in told)


def test_an_arm_at_a_stage_of_its_own_is_compared_whatever_its_task() -> None:
    results = frame(base=[80.0, 81.0, 80.5], other=[90.0, 91.0, 90.5])
    rows = over_seeds(with_data(results, "other", num_classes=4, stage="transfer")).set_index("arm")
    assert rows.loc["other", "verdict"] == "higher"


@pytest.mark.parametrize("other", [{"noise": 0.3}, {"test_pictures": 600}])
def test_arms_that_were_tested_on_other_pictures_are_not_said_to_share_them(other: dict[str, float]) -> None:
    results = frame(base=[80.0, 81.0, 80.5], other=[90.0, 91.0, 90.5])
    rows = over_seeds(with_data(results, "other", **other))
    assert list(rows["verdict"]) == ["baseline", "higher"]
    assert any("on the test pictures of each arm, 500 or more" in line for line in verdict_remarks(rows))


def test_each_field_of_data_is_known_to_change_what_a_test_asks_or_not() -> None:
    """Of a new field somebody has to say it: in `TASK`, in `VIEW`, or here, where it changes neither."""
    of_training_or_sight = {"train_size", "train_split", "img_size", "in_chans", "crop_pct", "interpolation"}
    kinds = (DigitsSpec, Cifar10Spec, Cifar100Spec, FolderSpec, TimmDataSpec)
    fields = {name for kind in kinds for name in kind.model_fields}
    named = {name.removeprefix("data.") for name in (*TASK, *VIEW)}
    assert named.isdisjoint(of_training_or_sight)
    assert fields == named | of_training_or_sight
    assert set(get_args(get_args(DataSpec)[0])) == set(kinds)
