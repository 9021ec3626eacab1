"""Any two arms beside each other: one comparison that the reader chose. Frames in, frames out."""

from typing import Any

import numpy as np
import pandas as pd

from reports.cells import POINTS, accuracies, differences, of_pictures, seeds
from reports.render import Section, formatted
from reports.statistics import APART, LEVEL, enough, over_seeds

COLUMNS = (
    *("arm", "accuracy", "seeds", "difference", "delta_interval", "effect", "p_value", "verdict"),
    *("run_params_k", "run_macs_m"),
)
CHOSEN = (
    "One comparison, chosen by the reader: its interval is not corrected for any other. Of arms that were picked for "
    "their results (the best and the worst of many, say) it finds more than there is."
)
MEANT = (
    "\u0394: points above the arm below. Effect size: Hedges' g, \u0394 in standard deviations. p: the least level at "
    "which there is a verdict (Welch's test)."
)
NOT_COMPARED = {
    APART: "it was tested on other classes or another split",
    "seeds failed": "some of its seeds failed, and those that are left may be the better ones",
    "stopped early": "some of its seeds were stopped early, and those that are left are the better ones",
}


def two_arms(arm: pd.DataFrame, against: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Two arms, the second being what the first is compared with: rows as `statistics.over_seeds` gives them.

    Args:
        arm: a row a trial as `over_seeds` takes it, all of one arm.
        against: those of the other.
        level: chance that the verdict is noise.

    Returns:
        Two rows, with low and high (ends of the interval of delta); the finding of the first is the verdict as a
        sentence.
    """
    both = [arm.assign(group="", baseline=False), against.assign(group="", baseline=True)]
    rows = over_seeds(pd.concat(both, ignore_index=True), level)
    rows["low"], rows["high"] = rows["delta"] - rows["ci"], rows["delta"] + rows["ci"]
    return rows.assign(finding=[_words(rows), ""]).drop(columns=["group", "comparisons"])


def section(rows: pd.DataFrame, title: str, remarks: list[str]) -> Section:
    """What is printed of `two_arms`."""
    low, high = ([POINTS.text(value) for value in rows[name]] for name in ("low", "high"))
    texts: dict[str, Any] = {
        "accuracy": accuracies(rows),
        "seeds": seeds(rows),
        "difference": differences(rows),
        "delta_interval": [f"{a} to {b}" if a else "" for a, b in zip(low, high, strict=True)],
        "p_value": [f"{p:.2g}" if p == p else "" for p in rows["p_corrected"]],
        "verdict": rows["verdict"].where(~rows["baseline"].astype(bool), ""),
    }
    frame = formatted(rows.assign(**texts), list(COLUMNS))
    frame = frame[[name for name in frame if (frame[name] != "").any()]].copy()
    told = [CHOSEN, MEANT, *of_pictures(rows)] if rows["ci"].notna().any() else []
    return Section(title, frame, [rows["finding"].iloc[0], *told, *remarks])


def _words(rows: pd.DataFrame) -> str:
    """The verdict as a sentence."""
    first, second = rows.to_dict("records")
    names = f"{first['arm']} and {second['arm']}"
    if first["same_as"]:
        return f"{names} are one and the same model at this scale."
    for row in (first, second):
        if row["verdict"] in NOT_COMPARED:
            return f"Not compared: {row['arm']}: {NOT_COMPARED[row['verdict']]}."
    if untrained := [row["arm"] for row in (first, second) if not row["n"]]:
        return f"Not compared: {' and '.join(untrained)}: no seed is trained yet."
    seeds = f"n = {first['n']}" + ("" if first["n"] == second["n"] else f" against {second['n']}")
    if np.isnan(first["ci"]):
        why = "with a single seed" if min(first["n"], second["n"]) < 2 else "without any spread between seeds"
        return f"{names} cannot be told apart at {seeds}: {why} nothing is known of the noise."
    found = f"{100 * (1 - first['level']):g} % interval {POINTS.text(first['low'])} to {POINTS.text(first['high'])}"
    if first["verdict"] == "unresolved":
        needed = f"; {text}" if (text := enough(first["seeds_needed"])) else ""
        return f"{names} cannot be told apart at {seeds} ({found} points){needed}."
    return f"{first['arm']} is {first['verdict']} than {second['arm']} by {abs(first['delta']):.1f} points ({found})."
