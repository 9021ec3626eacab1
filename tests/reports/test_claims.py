"""The paper's claims as data, and how a run's results judge them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports import published
from reports.claims import agreement, judged, sections
from reports.render import render

Accuracies = dict[str, list[float]]
VIT, T2T = "CNN to ViT", "CNN to T2T-ViT"


def trials(group: str, arms: Accuracies, table: int = 6) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"table": table, "group": group, "arm": arm, "trial": f"{arm}-{seed}", "status": "done", "top1": top1}
            for arm, values in arms.items()
            for seed, top1 in enumerate(values)
        ]
    )


def verdicts(results: pd.DataFrame, **more: dict[tuple[str, str], str]) -> dict[str, str]:
    found = judged(results, **more)
    return {row["claim"]: row["verdict"] for row in found.to_dict("records") if row["verdict"] != "not trained"}


@pytest.mark.parametrize("row", published.claims().to_dict("records"), ids=lambda row: row["claim"])
def test_what_a_claim_says_is_what_the_papers_figures_show(row: dict[str, float | str]) -> None:
    delta = float(row["paper_delta"])
    is_so = {"higher": delta > 0, "lower": delta < 0, "little": abs(delta) <= 0.1}
    assert is_so[str(row["says"])]


def test_the_papers_difference_is_that_of_its_accuracies() -> None:
    claims = published.claims().set_index("claim")["paper_delta"]
    assert claims["T2T-ViT is better than ViT"] == 3.4  # 81.5 and 78.1
    assert claims["The T2T module beats plain patches"] == 2.0  # 81.5 and 79.5


def test_a_claim_holds_is_contradicted_or_stays_open() -> None:
    base = [80.0, 80.1, 79.9]
    results = trials(
        VIT,
        {
            "ViT-S/16": base,
            "ViT-SW": [70.0, 70.1, 69.9],
            "ViT-DN": [75.0, 75.1, 74.9],
            "ViT-SE": [80.0, 80.3, 80.6],
            "ViT-ResNeXt": [80.1, 80.2, 80.0],
        },
    )
    assert verdicts(results) == {
        "Deep and narrow is better (ViT)": "contradicted",
        "Deep and narrow beats shallow and wide": "holds",
        "Shallow and wide is worse (ViT)": "holds",
        "Squeeze-and-excitation helps (ViT)": "cannot tell",
        "More heads do little (ViT)": "holds",
    }


@pytest.mark.parametrize(
    ("heads", "verdict"),
    [([80.6, 80.7, 80.5], "holds"), ([83.0, 83.1, 82.9], "contradicted"), ([80.0, 82.0, 81.0], "cannot tell")],
)
def test_that_something_does_little_is_judged_by_the_whole_interval(heads: list[float], verdict: str) -> None:
    results = trials(VIT, {"ViT-S/16": [80.0, 80.1, 79.9], "ViT-ResNeXt": heads})
    assert verdicts(results) == {"More heads do little (ViT)": verdict}


def test_the_intervals_are_welchs_corrected_for_all_claims_that_are_judged() -> None:
    arms = {"ViT-S/16": [80.0, 81.0, 82.5], "ViT-SE": [81.0, 82.0, 85.0], "ViT-DN": [77.0, 78.0, 78.5]}
    found = judged(trials(VIT, arms)).set_index("claim")
    interval = stats.ttest_ind(arms["ViT-SE"], arms["ViT-S/16"], equal_var=False).confidence_interval(1 - 0.05 / 2)
    row = found.loc["Squeeze-and-excitation helps (ViT)"]
    assert row["delta"] == pytest.approx(np.mean(arms["ViT-SE"]) - np.mean(arms["ViT-S/16"]))
    assert row["ci"] >= (interval.high - interval.low) / 2 - 1e-9


def test_one_seed_decides_nothing() -> None:
    found = judged(trials(VIT, {"ViT-S/16": [80.0], "ViT-SW": [10.0]})).set_index("claim")
    row = found.loc["Shallow and wide is worse (ViT)"]
    assert (row["verdict"], row["delta"]) == ("cannot tell", -70.0)
    assert np.isnan(row["ci"])


def test_arms_that_are_one_model_or_not_as_named_judge_no_claim() -> None:
    results = trials(VIT, {"ViT-S/16": [80.0, 80.1], "ViT-SE": [60.0, 60.1], "ViT-SW": [70.0, 70.1]})
    results.loc[results["arm"] == "ViT-SE", "trial"] = ["ViT-S/16-0", "ViT-S/16-1"]
    found = judged(results, {(VIT, "ViT-SW"): "it is not"}).set_index("claim")
    same, unfit = found.loc["Squeeze-and-excitation helps (ViT)"], found.loc["Shallow and wide is worse (ViT)"]
    assert (same["verdict"], same["why"]) == ("cannot tell", "one and the same model at this scale")
    assert (unfit["verdict"], unfit["why"]) == ("cannot tell", "it is not")


def test_the_order_of_the_paper_agrees_with_itself_and_not_with_its_opposite() -> None:
    paper = published.table(6)
    ours = paper[(paper["group"] == VIT)].set_index("model")["paper_top1"]
    same = trials(VIT, {model: [top1, top1 + 0.01] for model, top1 in ours.items()})
    (row,) = agreement(same).to_dict("records")
    assert (row["arms"], row["n"], row["tau"], row["tau_low"], row["tau_high"]) == (7, 2, 1.0, 1.0, 1.0)
    (row,) = agreement(same.assign(top1=-same["top1"])).to_dict("records")
    assert row["tau"] == -1.0


def test_with_one_seed_the_order_has_no_interval_and_two_arms_have_no_order() -> None:
    arms = {"ViT-S/16": [80.0], "ViT-SE": [81.0], "ViT-SW": [70.0]}
    (row,) = agreement(trials(VIT, arms)).to_dict("records")
    assert row["tau"] == stats.kendalltau([78.1, 78.4, 69.9], [80.0, 81.0, 70.0]).statistic
    assert np.isnan(row["tau_low"])
    assert agreement(trials(VIT, {"ViT-S/16": [80.0], "ViT-SE": [81.0]})).empty


def test_what_is_printed_counts_the_verdicts() -> None:
    results = trials(VIT, {"ViT-S/16": [80.0, 80.1, 79.9], "ViT-SW": [70.0, 70.1, 69.9], "ViT-SE": [80.0, 80.3, 80.1]})
    text = render(sections(judged(results), agreement(results), "digits"), "text")
    assert "15 claims: holds 1, cannot tell 1, not trained 13." in text
    assert "Claims of the paper, tested at scale digits" in text
    assert "\n\n" in text and "nan" not in text
