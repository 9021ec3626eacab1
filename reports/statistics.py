"""Means over seeds, differences from a baseline, and whether they can be told from noise.

A verdict is read from the interval beside it: `higher` or `lower` where the interval of the difference leaves out 0.
The intervals are Welch's (1947, unequal variances), each at 1 - 0.05 / m, so that all m of a group hold at once with
95 % (Bonferroni; Dunn, "Multiple comparisons among means", 1961). Holm's step-down test would find a little more, but
has no two-sided intervals of its own that say more than its verdicts (Strassburger and Bretz, 2008), and its verdict on
one arm depends on all others. Here it depends on the seeds of the two arms and on m alone: two tables that compare the
same trials agree, unless they compare a different number of arms, and each table says how many.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.05  # chance that any verdict of a group is noise


def over_seeds(results: pd.DataFrame) -> pd.DataFrame:
    """One row an arm, of a frame with a row a trial.

    Args:
        results: group, arm, baseline, seed, status, top1 (%), params, macs; and trial (its id), where arms may share
            their trials.

    Returns:
        group, arm, baseline, same_as (the arm of its group, the baseline or one before it, that has the same trials;
        else empty), n (finished seeds), stopped and failed (seeds that early stopping ended, or that failed: they are
        in no mean), top1 (mean), top1_sd (sample standard deviation, NaN for one seed), run_params_k, run_macs_m, then
        what `against_baseline` adds.
    """
    if "trial" not in results:
        results = results.assign(trial=range(len(results)))
    done = results["status"] == "done"
    stopped = results["status"] == "pruned"
    failed = results["status"] == "failed"
    numbers = results.assign(top1=results["top1"].where(done).astype(float), stopped=stopped, failed=failed)
    arms = numbers.groupby(["group", "arm"], sort=False)
    frame = arms.agg(
        baseline=("baseline", "first"),
        same_as=("trial", lambda column: frozenset(column)),
        n=("top1", "count"),
        stopped=("stopped", "sum"),
        failed=("failed", "sum"),
        top1=("top1", "mean"),
        top1_sd=("top1", "std"),
        values=("top1", lambda column: column.dropna().tolist()),
        params=("params", "first"),
        macs=("macs", "first"),
    ).reset_index()
    frame["run_params_k"] = frame.pop("params").astype(float) / 1e3
    frame["run_macs_m"] = frame.pop("macs").astype(float) / 1e6
    return against_baseline(frame.assign(same_as=_twins(frame)))


def _twins(arms: pd.DataFrame) -> list[str]:
    """For each arm the name of the one whose trials are its own too, if that is another; `same_as` has the trials."""
    first: dict[tuple[str, frozenset], str] = {}
    for arm in arms.sort_values("baseline", ascending=False, kind="stable").to_dict("records"):
        first.setdefault((arm["group"], arm["same_as"]), arm["arm"])
    found = [(arm["arm"], first[arm["group"], arm["same_as"]]) for arm in arms.to_dict("records")]
    return [other if other != name else "" for name, other in found]


def against_baseline(arms: pd.DataFrame) -> pd.DataFrame:
    """Add delta, ci, p, comparisons and verdict to a row an arm, and take away its values, the accuracy of each seed.

    delta: points above the group's baseline. comparisons: m, how many differences of its group are judged at once; an
    arm that has the trials of another is no comparison of its own. ci: half width of the interval of delta; the m
    intervals of a group hold at once with 95 %. p: of Welch's t-test by itself. verdict: `higher` or `lower` than the
    baseline where delta is more than ci, that is p below 0.05 / m, else `unresolved`; `baseline` for the baseline;
    `as` and a name for an arm that has the trials of that one; empty where there is nothing to compare, or to compare
    with. An arm of which seeds were stopped early, or failed, says so and is not compared: those that are left are the
    better ones. The noise is that between seeds; all arms see the same test pictures. With a single seed, or where
    neither arm has any spread between its seeds, nothing is known of the noise and nothing is found.
    """
    frame = arms.assign(delta=np.nan, ci=np.nan, p=np.nan, comparisons=np.nan, verdict="")
    early, failed, same = frame["stopped"] > 0, frame["failed"] > 0, frame["same_as"] != ""
    frame.loc[same, "verdict"] = "as " + frame["same_as"]
    frame.loc[failed, "verdict"] = "seeds failed"
    frame.loc[early, "verdict"] = "stopped early"
    for _, group in frame[~(early | failed | same)].groupby("group", sort=False):
        for i in group.index[group["baseline"] & (group["n"] > 0)]:
            _compare(frame, group, i)
    return frame.drop(columns="values")


def _compare(frame: pd.DataFrame, group: pd.DataFrame, baseline: Any) -> None:
    """Fill in what `against_baseline` adds, of a group whose baseline has results; in place."""
    base = group.loc[baseline]
    frame.loc[baseline, "verdict"] = "baseline"
    arms = group[(group["n"] > 0) & (group.index != baseline)]
    for i, arm in arms.iterrows():
        delta = arm["top1"] - base["top1"]
        ci, p = _welch(arm["values"], base["values"], LEVEL / len(arms))
        frame.loc[i, ["delta", "ci", "p", "comparisons"]] = delta, ci, p, len(arms)
        frame.loc[i, "verdict"] = ("higher" if delta > 0 else "lower") if abs(delta) > ci else "unresolved"


def _welch(arm: list[float], base: list[float], level: float) -> tuple[float, float]:
    """Half width of the interval of the difference of two means that misses it with this chance, and the p-value.

    NaN with a single seed, or no spread at all: accuracies are whole numbers of pictures, and that two seeds have the
    same number does not say that a third would.
    """
    if len(arm) < 2 or len(base) < 2 or len(set(arm)) == len(set(base)) == 1:
        return np.nan, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # seeds that are almost alike lose precision, and say so
        found = stats.ttest_ind(arm, base, equal_var=False)
    interval = found.confidence_interval(1 - level)
    return float(interval.high - interval.low) / 2, float(found.pvalue)
