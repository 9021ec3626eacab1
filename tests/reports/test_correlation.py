import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

from reports.correlation import rank_correlations

SOURCE = np.random.default_rng(0)
TOP1 = SOURCE.normal(80, 5, 60)
MODELS = pd.DataFrame(
    {"top1": TOP1, "good": np.exp(TOP1 / 10), "fair": TOP1 + SOURCE.normal(0, 5, 60), "chance": SOURCE.normal(size=60)}
)


def row(found: pd.DataFrame, score: str) -> pd.Series:
    return found.set_index("score").loc[score]


def test_correlations_are_those_of_scipy_and_lie_within_their_intervals() -> None:
    found = rank_correlations(MODELS, ["good", "fair", "chance"], resamples=300)
    for score in ("good", "fair", "chance"):
        one = row(found, score)
        assert one["spearman"] == pytest.approx(spearmanr(MODELS[score], TOP1).statistic)
        assert one["kendall"] == pytest.approx(kendalltau(MODELS[score], TOP1).statistic)
        assert one["spearman_low"] <= one["spearman"] <= one["spearman_high"]
        assert one["kendall_low"] <= one["kendall"] <= one["kendall_high"]
    assert row(found, "good")["spearman"] == pytest.approx(1) == row(found, "good")["kendall_low"]
    assert row(found, "chance")["spearman_low"] < 0 < row(found, "chance")["spearman_high"]


def test_the_interval_is_about_that_of_the_normal_approximation() -> None:
    one = row(rank_correlations(MODELS, ["fair"]), "fair")
    z, width = np.arctanh(one["spearman"]), 1.96 / np.sqrt(57)  # Fisher
    assert one["spearman_low"] == pytest.approx(np.tanh(z - width), abs=0.08)
    assert one["spearman_high"] == pytest.approx(np.tanh(z + width), abs=0.08)


def test_scores_are_compared_with_the_better_baseline_on_the_same_resamples() -> None:
    found = rank_correlations(MODELS, ["chance", "fair", "good"], baselines=["chance", "fair"], resamples=300)
    good = row(found, "good")
    assert good["over"] == pytest.approx(1 - row(found, "fair")["spearman"])
    assert good["over_low"] > 0
    assert row(found, "chance")["over_high"] < 0
    assert np.isnan(row(found, "fair")["over"]) and np.isnan(row(found, "fair")["over_low"])


def test_a_score_that_is_no_number_stands_last_and_a_model_without_an_accuracy_is_left_out() -> None:
    models = pd.DataFrame({"top1": [1.0, 2.0, 3.0, np.nan], "score": [np.nan, 5.0, 6.0, -9.0], "flat": [1.0] * 4})
    found = rank_correlations(models, ["score", "flat"], resamples=10)
    assert (row(found, "score")["spearman"], row(found, "score")["n"]) == (1.0, 3)
    assert row(found, "flat")["spearman"] == row(found, "flat")["kendall"] == 0
    with pytest.raises(ValueError, match="at least 3 models, got 2"):
        rank_correlations(models[1:], ["score"])
