"""Means over seeds, differences from a baseline, and whether they can be told from noise.

A verdict is read from the interval beside it: `higher` or `lower` where the interval of the difference leaves out 0.
The intervals are Welch's (1947, unequal variances), each at 1 - 0.05 / (m + s), so that all m of a group hold at once
with 95 % (Bonferroni; Dunn, "Multiple comparisons among means", 1961). Holm's step-down test would find a little more,
but has no two-sided intervals of its own that say more than its verdicts (Strassburger and Bretz, 2008), and its
verdict on one arm depends on all others.

With few seeds Welch's interval alone does not keep its word where a quiet baseline meets noisy arms: false verdicts
rise to 8 % of studies (five arms, three seeds) and to 11 % with six seeds of the baseline. Two things bring them to 5 %
(to 5.8 % at the worst mixture tried of three seeds against six) and cost little power, see `benchmarks/verdicts.py`.
s, `chances.surplus`, makes a single comparison right at the worst ratio of its variances: 0.22 for three seeds a side.
And none is taken to vary less than half as much as the median arm of its group (`least_variance`), since three seeds
that are alike by chance are no quiet arm.

So a verdict depends on the seeds of the two arms, on m and, where seeds are much more alike than elsewhere in the
group, on the others: two tables that compare the same arms agree, and each says how many it compares.

What is claimed is what other seeds would give on the same test pictures. Two models are told apart by the pictures on
which only one is right, of which there are at least as many as their difference: the interval is widened by that
(`welch.handful`), so that no verdict rests on a handful of pictures. Where a verdict might not hold on other pictures
of the kind, the table says so (`pictures_ci`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.chances import seeds_needed, surplus
from reports.welch import Pair, Sample, normal, other_pictures, student

LEVEL = 0.05  # chance that any verdict of a group is noise
FLOOR = 0.5  # of the median variance of a group's arms
SHOWN = 1.0  # points: the difference that `seeds_needed` is for


def over_seeds(results: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """One row an arm, of a frame with a row a trial.

    Args:
        results: group, arm, baseline, seed, status, top1 (%), params, macs; trial (its id), where arms may share
            their trials; and test_pictures, that the accuracies are over, where they are known.
        level: chance that any verdict of a group is noise.

    Returns:
        group, arm, baseline, task and view (which classes of which split, and which pictures of them, it was tested on,
        where the results say so), stage, same_as (the arm of its group, the baseline or one before it, that has the
        same trials; else empty), n (finished seeds), stopped and failed (seeds that early stopping ended, or that
        failed: they are in no mean), top1 (mean), top1_sd (sample standard deviation, NaN for one seed), top1_ci (half
        width of the mean's 95 % interval by itself, Student's), pictures (the fewest that a seed was tested on),
        run_params_k, run_macs_m, then what `against_baseline` adds.
    """
    if "test_pictures" not in results:
        results = results.assign(test_pictures=np.nan)
    if "stage" not in results:
        results = results.assign(stage="")
    if "trial" not in results:
        results = results.assign(trial=range(len(results)))
    done = results["status"] == "done"
    stopped = results["status"] == "pruned"
    failed = results["status"] == "failed"
    results = results.assign(task=_joined(results, TASK), view=_joined(results, VIEW))
    results["stage"] = results["stage"].fillna("")
    numbers = results.assign(top1=results["top1"].where(done).astype(float), stopped=stopped, failed=failed)
    arms = numbers.groupby(["group", "arm"], sort=False)
    frame = arms.agg(
        baseline=("baseline", "first"),
        task=("task", "first"),
        view=("view", "first"),
        stage=("stage", "first"),
        same_as=("trial", lambda column: frozenset(column)),
        n=("top1", "count"),
        stopped=("stopped", "sum"),
        failed=("failed", "sum"),
        top1=("top1", "mean"),
        top1_sd=("top1", "std"),
        pictures=("test_pictures", "min"),
        values=("top1", lambda column: column.dropna().tolist()),
        params=("params", "first"),
        macs=("macs", "first"),
    ).reset_index()
    frame["pictures"] = frame["pictures"].astype(float)
    freedom = (frame["n"] - 1).where(frame["n"] > 1)
    frame["top1_ci"] = student(0.05, freedom) * frame["top1_sd"] / np.sqrt(frame["n"])
    frame["run_params_k"] = frame.pop("params").astype(float) / 1e3
    frame["run_macs_m"] = frame.pop("macs").astype(float) / 1e6
    return against_baseline(frame.assign(same_as=_twins(frame)), level)


def _joined(results: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """What a frame has in some columns, as a text a row."""
    found = results.reindex(columns=[name for name in columns if name in results])
    return ["; ".join(f"{name} {value}" for name, value in row.items()) for row in found.to_dict("records")]


def _twins(arms: pd.DataFrame) -> list[str]:
    """For each arm the name of the one whose trials are its own too, if that is another; `same_as` has the trials."""
    first: dict[tuple[str, frozenset], str] = {}
    for arm in arms.sort_values("baseline", ascending=False, kind="stable").to_dict("records"):
        first.setdefault((arm["group"], arm["same_as"]), arm["arm"])
    found = [(arm["arm"], first[arm["group"], arm["same_as"]]) for arm in arms.to_dict("records")]
    return [other if other != name else "" for name, other in found]


TASK = tuple(
    f"data.{name}" for name in ("kind", "name", "num_classes", "first_class", "per_picture", "test_split", "validation")
)
VIEW = tuple(
    f"data.{name}"
    for name in ("test_size", "seed", "noise", "clutter", "min_side", "max_side", "rotation", "contrast", "background")
)
APART = "other task"
ADDED = ["delta", "ci", "effect", "p", "p_corrected", "comparisons", "level", "seeds_needed", "pictures_ci"]


def against_baseline(arms: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Add columns to a row an arm, and take away its values, the accuracy of each seed.

    delta: points above the group's baseline.
    ci: half width of the interval of delta; the m intervals of a group hold at once with 1 - `level`.
    effect: Hedges' g, delta in standard deviations, corrected for small samples (`welch.Pair.effect`).
    p: of Welch's t-test by itself.
    p_corrected: the least `level` at which there is a verdict.
    comparisons: m, how many differences of its group are judged at once; an arm that has the trials of another is no
        comparison of its own.
    level: as given.
    seeds_needed: of an unresolved arm, seeds a side that would show `SHOWN` points with 80 % power at these
        deviations; infinity if 1000 would not.
    pictures_ci: points that delta may be off by from the choice of test pictures, at most, at the level of ci; not
        part of it. Accuracies are taken for independent, which those on the same pictures are not: less is likely.
    verdict: `higher` or `lower` than the baseline where delta is more than ci, that is p_corrected below `level`, else
        `unresolved`; `baseline` for the baseline; `as` and a name for an arm that has the trials of that one; empty
        where there is nothing to compare, or to compare with.
    finding: the verdict in words: `unresolved at n = 3; about 9 seeds would show 1 point`.

    An arm of which seeds were stopped early, or failed, says so and is not compared: those that are left are the
    better ones. Nor is one that was tested on other classes or another split than the baseline of its group, at the
    same stage: a scale's stages are meant to differ, and a table says how. With a single seed, or where neither arm has
    any spread between its seeds, nothing is known of the noise and nothing is found, whatever the floors say.
    """
    frame = arms.assign(**dict.fromkeys(ADDED, np.nan), verdict="")
    early, failed, same = frame["stopped"] > 0, frame["failed"] > 0, frame["same_as"] != ""
    apart = _is_apart(frame)
    frame.loc[apart, "verdict"] = APART
    frame.loc[same, "verdict"] = "as " + frame["same_as"]
    frame.loc[failed, "verdict"] = "seeds failed"
    frame.loc[early, "verdict"] = "stopped early"
    for _, group in frame[~(early | failed | same | apart)].groupby("group", sort=False):
        for i in group.index[group["baseline"] & (group["n"] > 0)]:
            judged = _compared(group[group["n"] > 0], i, level)
            frame.loc[judged.index, judged.columns] = judged
            frame.loc[i, "verdict"] = "baseline"
    n_base = frame["group"].map(frame[frame["verdict"] == "baseline"].set_index("group")["n"])
    frame["finding"] = [finding(row, base) for row, base in zip(frame.to_dict("records"), n_base, strict=True)]
    return frame.drop(columns="values")


def _is_apart(arms: pd.DataFrame) -> pd.Series:
    """Of each arm, whether it was tested on another task than its group's baseline."""
    if "task" not in arms:
        return pd.Series(False, arms.index)
    bases = arms[arms["baseline"]].drop_duplicates("group").set_index("group")
    of_base, stage = arms["group"].map(bases["task"]), arms["group"].map(bases["stage"])
    return of_base.notna() & (arms["task"] != of_base) & (arms["stage"] == stage)


def finding(arm: Mapping[Any, Any], base: float) -> str:
    """The verdict on an arm in words; `base`: seeds of its baseline."""
    if arm["verdict"] != "unresolved":
        return arm["verdict"]
    seeds = f"{arm['n']:.0f}" + ("" if arm["n"] == base else f" against {base:.0f}")
    return f"unresolved at n = {seeds}" + (f"; {needed}" if (needed := enough(arm["seeds_needed"])) else "")


def enough(seeds: float) -> str:
    """How many seeds would show `SHOWN` points, in words; nothing if nothing is known."""
    points = f"{SHOWN:g} point"
    if np.isinf(seeds):
        return f"no number of seeds up to 1000 would show {points}"
    return "" if np.isnan(seeds) else f"about {seeds:.0f} seeds would show {points}"


def _compared(found: pd.DataFrame, baseline: Any, level: float) -> pd.DataFrame:
    """What `against_baseline` adds, of a group's arms that have results; `baseline` is the index of one of them."""
    samples = {i: Sample.of(values) for i, values in found["values"].items()}
    pictures = found["pictures"].to_dict()
    base = samples.pop(baseline)
    known = [one.variance for one in samples.values() if one.n > 1]
    floor = float(least_variance(np.array(known))) if known else 0.0
    rows = {
        i: _judged(Pair(arm, base, floor, min(pictures[i], pictures[baseline])), len(samples), level)
        for i, arm in samples.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*ADDED, "verdict"])


def _judged(pair: Pair, comparisons: int, level: float) -> tuple[Any, ...]:
    """The columns `ADDED` and the verdict of one comparison among so many."""
    count = comparisons + (surplus(pair.arm.n, pair.base.n, level) if pair.known else 0)
    delta, ci = pair.difference, pair.half_width(level / count)
    verdict = ("higher" if delta > 0 else "lower") if abs(delta) > ci else "unresolved"
    needed = off = np.nan
    if pair.known and verdict == "unresolved":
        arm_sd, base_sd = (max(one.variance, pair.floor) ** 0.5 for one in (pair.arm, pair.base))
        needed = seeds_needed(arm_sd, base_sd, SHOWN, level, comparisons, pair.pictures)
    if pair.pictures is not None and not np.isnan(pair.pictures):
        off = normal(level / comparisons) * other_pictures(pair.arm.mean, pair.base.mean, pair.pictures)
    corrected = min(1.0, count * pair.p_value()) if pair.known else np.nan
    return delta, ci, pair.effect(), pair.plain_p(), corrected, comparisons, level, needed, off, verdict


def least_variance(variances: np.ndarray) -> np.ndarray:
    """What each is taken to vary at least, of the variances of a group's arms without its baseline (..., arms).

    0 for a single arm, which has no others to be compared with. The median, so that one arm which varies wildly, since
    it does not learn say, leaves the others as they are.
    """
    return FLOOR * np.median(variances, -1) * (variances.shape[-1] > 1)
