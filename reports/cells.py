"""What is measured, as the cells of a run's table, and the remarks that say what they mean."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from reports.columns import Column
from reports.statistics import APART, LEVEL, SHOWN

POINTS = Column("", 1, signed=True)
TOP1 = "Top-1: mean \u00b1 standard deviation over seeds. \u0394: points above the group's baseline"


def accuracies(rows: pd.DataFrame) -> list[str]:
    """Mean and standard deviation as text."""
    return [
        f"{mean:.1f}" + (f" \u00b1 {sd:.1f}" if sd == sd else "") if mean == mean else ""
        for mean, sd in zip(rows["top1"], rows["top1_sd"], strict=True)
    ]


def differences(rows: pd.DataFrame) -> list[str]:
    """Difference from the baseline and half the width of its interval, as text."""
    texts = [POINTS.text(delta) for delta in rows["delta"]]
    return [text + (f" \u00b1 {ci:.1f}" if ci == ci else "") for text, ci in zip(texts, rows["ci"], strict=True)]


def seeds(rows: pd.DataFrame) -> list[str]:
    """How many seeds the accuracy is over, and how many were stopped early or failed, as text."""
    made = []
    for n, *others in zip(rows["n"], rows["stopped"], rows["failed"], strict=True):
        counts = [f"{count:.0f} {word}" for count, word in zip(others, ("stopped", "failed"), strict=True) if count > 0]
        made.append(f"{n:.0f}" + (f" ({', '.join(counts)})" if counts else "") if n == n else "")
    return made


def verdict_remarks(rows: pd.DataFrame, among: pd.DataFrame | None = None) -> list[str]:
    """What the columns of a run's table mean, and for how many comparisons its verdicts are corrected.

    `among` has the baselines, where the rows that are shown may be without.
    """
    among = rows if among is None else among
    unresolved = rows[rows["verdict"] == "unresolved"]
    alone = [
        f"{name} ({'higher' if delta > 0 else 'lower'}, p={p:.2g})"
        for name, delta, p in zip(_names(unresolved), unresolved["delta"], unresolved["p"], strict=True)
        if p <= LEVEL
    ]
    untested = unresolved[unresolved["p"].isna()]
    bases = among[among["verdict"] == "baseline"]
    base = bases.set_index("group")["n"]
    single = (untested["n"] < 2) | (untested["group"].map(base) < 2)
    remarks = [TOP1 + "."]
    if rows["comparisons"].notna().any():
        remarks = [
            f"{TOP1} \u00b1 half the width of its interval.",
            "Verdict: higher or lower where the interval leaves out 0, else unresolved. The intervals (Welch's, over "
            f"seeds) are corrected for {_corrected(rows)}, so that all hold at once with {_held(rows)} (Bonferroni). "
            "They are narrower in a table that compares fewer arms.",
            *of_pictures(rows),
            *_seeds_needed(rows),
        ]
    unseen = bases[bases["group"].isin(rows.loc[rows["delta"].notna(), "group"]) & ~bases.index.isin(rows.index)]
    for group, name, top1, n in zip(unseen["group"], _names(unseen), accuracies(unseen), unseen["n"], strict=True):
        of = f" of {group}" if group else ""
        remarks.append(f"Baseline{of}: {name}, top-1 {top1} over {n:.0f} seed{'' if n == 1 else 's'}.")
    if alone:
        remarks.append(f"Unresolved as one of these comparisons, but not by itself at 5 %: {', '.join(alone)}.")
    if single.any():
        remarks.append(f"No interval with a single seed: {', '.join(_names(untested[single]))}.")
    if (~single).any():
        remarks.append(f"No interval without any spread between seeds: {', '.join(_names(untested[~single]))}.")
    if (apart := rows["verdict"] == APART).any():
        remarks.append(
            "Tested on other classes or another split than the baseline, and not compared: "
            f"{', '.join(_names(rows[apart]))}."
        )
    if (rows["stopped"] > 0).any():
        remarks.append(
            "Stopped early: accuracy is over the seeds that finished, which are the better ones; not compared. "
            "A run without --early-stop trains the others to the end."
        )
    if (rows["failed"] > 0).any():
        remarks.append(
            "Seeds failed: accuracy is over those that finished; not compared. The next run tries the others again."
        )
    return remarks


def _held(rows: pd.DataFrame) -> str:
    """The chance that all intervals of a group hold, as text."""
    return f"{100 * (1 - rows['level'].max()):g} %"


def of_pictures(rows: pd.DataFrame) -> list[str]:
    """What verdicts say of other test pictures, in a line."""
    known = rows[rows["pictures_ci"].notna()]
    if known.empty:
        return []
    off = known["pictures_ci"].max()
    resolved = known[known["verdict"].isin(["higher", "lower"])]
    open_ = resolved[resolved["delta"].abs() <= np.hypot(resolved["ci"], resolved["pictures_ci"])]
    undone = f", which may undo the verdict on {', '.join(_names(open_))}" if len(open_) else ""
    tested = rows[rows["pictures_ci"].notna() | (rows["verdict"] == "baseline")]
    same = tested["pictures"].nunique() == 1 and ("view" not in rows or tested["view"].nunique() == 1)
    count = tested["pictures"].min()
    which = f"the same {count:,.0f} test pictures" if same else f"the test pictures of each arm, {count:,.0f} or more"
    return [
        f"Verdicts are about other seeds on {which}, and none rests on a handful of these. "
        f"Other pictures of the kind may move \u0394 by up to {off:.1f} points more{undone}."
    ]


def _seeds_needed(rows: pd.DataFrame) -> list[str]:
    """How many seeds would show a difference of `SHOWN` points, a line a group."""
    lines = []
    open_ = rows[rows["seeds_needed"].notna()]
    for group, arms in open_.groupby("group", sort=False):
        parts = []
        for i, (needed, same) in enumerate(arms.groupby("seeds_needed")):
            number = "more than 1000" if needed == np.inf else f"{'about ' if i == 0 else ''}{needed:.0f}"
            parts.append(f"{number} for {', '.join(_names(same))}")
        where = f" in {group}" if open_["group"].nunique() > 1 else ""
        lines.append(
            f"Unresolved{where}: seeds a side that would show {SHOWN:g} point (80 % power, these deviations): "
            f"{'; '.join(parts)}."
        )
    return lines


def _corrected(rows: pd.DataFrame) -> str:
    """How many comparisons each group makes: `6 comparisons (CNN to ViT) and 5 (CNN to T2T-ViT)`."""
    counts = rows.groupby("group", sort=False)["comparisons"].max().dropna()
    texts = []
    for i, (group, count) in enumerate(counts.items()):
        text = f"{count:.0f}" + (f" comparison{'s' if count > 1 else ''}" if i == 0 else "")
        texts.append(f"{text} ({group})" if len(counts) > 1 else text)
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if texts[:-1] else texts)


def _names(rows: pd.DataFrame) -> list[str]:
    return list(rows["model" if "model" in rows else "arm"])


def once(names: pd.Series) -> list[str]:
    """Each name where it first stands, then blanks."""
    return [name if i == 0 or names.iloc[i - 1] != name else "" for i, name in enumerate(names)]


def among_asked(groups: pd.Series, arms: pd.Series, asked: Collection[tuple[str, str]] | None) -> np.ndarray:
    """Which of these arms were asked for, by group and name, or by name where a table has no groups; None: all."""
    if asked is None:
        return np.ones(len(arms), bool)
    names = {name for _, name in asked}
    found = [(group, name) in asked if group else name in names for group, name in zip(groups, arms, strict=True)]
    return np.array(found, bool)
