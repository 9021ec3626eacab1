"""Means over seeds, differences from a baseline, and whether they can be told from noise."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.05  # chance that any one verdict of a group is noise


def over_seeds(results: pd.DataFrame) -> pd.DataFrame:
    """One row an arm, of a frame with a row a trial.

    Args:
        results: group, arm, baseline, seed, status, top1 (%), params, macs.

    Returns:
        group, arm, baseline, n (finished seeds), stopped and failed (seeds that early stopping ended, or that failed:
        they are in no mean), top1 (mean), top1_sd (sample standard deviation, NaN for one seed), run_params_k,
        run_macs_m, then what `against_baseline` adds.
    """
    done = results["status"] == "done"
    stopped = results["status"] == "pruned"
    failed = results["status"] == "failed"
    numbers = results.assign(top1=results["top1"].where(done).astype(float), stopped=stopped, failed=failed)
    arms = numbers.groupby(["group", "arm"], sort=False)
    frame = arms.agg(
        baseline=("baseline", "first"),
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
    return against_baseline(frame)


def against_baseline(arms: pd.DataFrame) -> pd.DataFrame:
    """Add delta, ci and verdict to a row an arm (group, arm, baseline, n, stopped, failed, top1, top1_sd), and take
    away its values, the accuracy of each seed.

    delta: points above the group's baseline. ci: half width of its 95 % interval (Welch). verdict: `higher` or
    `lower` where Welch's t-test, corrected by Holm for the group's comparisons, finds a difference at 5 %, else
    `unresolved`; `baseline` for the baseline; empty where there is nothing to compare, or to compare with. An arm of
    which seeds were stopped early, or failed, says so and is not compared: those that are left are the better ones. The
    noise is that between seeds; all arms see the same test pictures.
    """
    frame = arms.assign(delta=np.nan, ci=np.nan, p=np.nan, verdict="")
    early, failed = frame["stopped"] > 0, frame["failed"] > 0
    frame.loc[failed, "verdict"] = "seeds failed"
    frame.loc[early, "verdict"] = "stopped early"
    for _, group in frame[~(early | failed)].groupby("group", sort=False):
        for i in group.index[group["baseline"] & (group["n"] > 0)]:
            _compare(frame, group, i)
    return frame.drop(columns=["p", "values"])


def _compare(frame: pd.DataFrame, group: pd.DataFrame, baseline: Any) -> None:
    """Fill in delta, ci, p and verdict of a group whose baseline has results; in place."""
    base = group.loc[baseline]
    frame.loc[baseline, "verdict"] = "baseline"
    arms = group[(group["n"] > 0) & (group.index != baseline)]
    for i, arm in arms.iterrows():
        frame.loc[i, "delta"] = arm["top1"] - base["top1"]
        frame.loc[i, ["ci", "p"]] = _welch(arm["values"], base["values"])
    significant = holm(frame.loc[arms.index, "p"].to_numpy(dtype=float), LEVEL)
    for i, found in zip(arms.index, significant, strict=True):
        word = "higher" if frame.loc[i, "delta"] > 0 else "lower"
        frame.loc[i, "verdict"] = word if found else "unresolved"


def holm(p: np.ndarray, level: float) -> np.ndarray:
    """Which of several p-values are significant at a joint level (Holm 1979); NaN never is, but is counted."""
    found = np.zeros(len(p), dtype=bool)
    for rank, i in enumerate(np.argsort(np.where(np.isnan(p), np.inf, p))):
        if not p[i] <= level / (len(p) - rank):
            break
        found[i] = True
    return found


def _welch(arm: list[float], base: list[float]) -> tuple[float, float]:
    """Half width of the 95 % interval of the difference of two means, and its p-value; NaN with a single seed."""
    if len(arm) < 2 or len(base) < 2:
        return np.nan, np.nan
    if len(set(arm)) == len(set(base)) == 1:
        return 0.0, 0.0 if arm[0] != base[0] else 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # seeds that are almost alike lose precision, and say so
        found = stats.ttest_ind(arm, base, equal_var=False)
    interval = found.confidence_interval(1 - LEVEL)
    return float(interval.high - interval.low) / 2, float(found.pvalue)
