"""The effects of a factorial study as tables: main effects, then interactions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.cells import differences, once
from reports.columns import Column
from reports.effects import ALIKE, TOLD_NOT, Cell, Design, effects, level_means, of_cells
from reports.render import Section
from reports.statistics import LEVEL

MEAN = Column("", 1)
MAIN = {
    "factor": Column("Factor"),
    "level": Column("Level"),
    "mean": Column("Top-1 (%)\nmean", written=True),
    "cell_seeds": Column("Seeds\nan arm", written=True),
    "difference": Column("Main effect\n(points)", written=True),
}
CROSSED = {
    "factor": Column("Factors"),
    "level": Column("Levels"),
    "against": Column("Against"),
    "cell_seeds": Column("Seeds\nan arm", written=True),
    "difference": Column("Interaction\n(points)", written=True),
}
SHOWN = 100  # interactions in a table
NAMED = 6  # cells in a remark
BEYOND = {"higher": "more than the sum", "lower": "less than the sum"}


def sections(title: str, scale: str, design: Design, results: pd.DataFrame, level: float = LEVEL) -> list[Section]:
    """Tables of the main effects and, of more than one factor, of the interactions; see `effects.effects`."""
    found = effects(design, results, level)
    missing = _missing(design, results)
    main, crossed = (found[found["kind"] == kind] for kind in ("main", "interaction"))
    made = [_main(f"{title}: main effects, at scale {scale}", design, results, main, missing)]
    if len(crossed):
        made.append(_interactions(f"{title}: interactions of two factors, at scale {scale}", design, crossed, missing))
    return made


def _main(title: str, design: Design, results: pd.DataFrame, found: pd.DataFrame, missing: list[str]) -> Section:
    short = short_names(list(design.factors))
    means = level_means(design, results)
    rows = found.assign(factor=[names[0] for names in found["factor"]], level=[levels[0] for levels in found["effect"]])
    texts = dict(zip(zip(rows["factor"], rows["level"], strict=True), _texts(found).to_dict("records"), strict=True))
    lines = []
    for factor, levels in design.factors.items():
        for level in levels:
            mean = MEAN.text(means.get((factor, level)))
            own = texts.get((factor, level), {"cell_seeds": "", "difference": "", "verdict": "baseline"})
            lines.append({"factor": short[factor], "level": level, "mean": mean, **own})
    frame = pd.DataFrame(lines)[[*MAIN, "verdict"]]
    frame["factor"] = once(frame["factor"])
    average = (
        "Top-1 and main effect: averages over all combinations of the other factors, which weigh the same."
        if len(design.factors) > 1
        else "A single factor: its effects are the differences from the baseline."
    )
    return Section(
        title, frame, [f"{average} A main effect is against the first level.", *_held(found), *missing], MAIN
    )


def _interactions(title: str, design: Design, found: pd.DataFrame, missing: list[str]) -> Section:
    short = short_names(list(design.factors))
    lines = [
        f"Interaction: what two levels together do beyond the sum of what each does alone{_averaged(design)}. Verdict: "
        "more or less than the sum where the interval leaves out 0; unresolved does not say that effects add up.",
        *_held(found),
        *missing,
    ]
    if len(found) > SHOWN:
        lines.append(f"The {SHOWN} largest of {len(found)} interactions are shown.")
        found = found.sort_values("delta", key=abs, ascending=False).head(SHOWN).sort_index()
    frame = pd.DataFrame(
        {
            "factor": [" x ".join(short[name] for name in names) for names in found["factor"]],
            "level": [", ".join(levels) for levels in found["effect"]],
            "against": [", ".join(levels) for levels in found["against"]],
            **_texts(found.assign(verdict=found["verdict"].replace(BEYOND))).to_dict("list"),
        }
    )
    frame["factor"] = once(frame["factor"])
    return Section(title, frame, lines, CROSSED)


def _averaged(design: Design) -> str:
    return ", averaged over the other factors" if len(design.factors) > 2 else ""


def _texts(found: pd.DataFrame) -> pd.DataFrame:
    """Seeds, effect and verdict of each row as they are printed."""
    rows = found.to_dict("records")
    seeds = [_seeds(row["least"], row["most"]) for row in rows]
    words = [
        f"unresolved at n = {n}" if row["verdict"] == "unresolved" else row["verdict"]
        for row, n in zip(rows, seeds, strict=True)
    ]
    return pd.DataFrame({"cell_seeds": seeds, "difference": differences(found), "verdict": words})


def _seeds(least: float, most: float) -> str:
    if np.isnan(least):
        return ""
    return f"{least:.0f}" if least == most else f"{least:.0f} to {most:.0f}"


def _held(found: pd.DataFrame) -> list[str]:
    """What the intervals are, and why some effects have none."""
    lines = []
    if (known := found[found["ci"].notna()]).shape[0]:
        count = known["comparisons"].max()
        corrected = f", corrected for {count} such effects, so that all hold at once" if count > 1 else ""
        lines.append(
            "\u00b1 half the width of its interval (Welch and Satterthwaite's, over seeds"
            f"{corrected} with {100 * (1 - known['level'].max()):g} %)."
        )
    told = found[~found["verdict"].isin([TOLD_NOT, ALIKE]) & found["ci"].isna()]
    if single := int((told["least"] < 2).sum()):
        lines.append(f"No interval with a single seed: {_counted(single, len(found))}.")
    if still := int((told["least"] >= 2).sum()):
        lines.append(f"No interval without any spread between seeds: {_counted(still, len(found))}.")
    if alike := int((found["verdict"] == ALIKE).sum()):
        lines.append(
            f"Levels that are one and the same model at this scale have no effect here: {_counted(alike, len(found))}."
        )
    if untold := int((found["verdict"] == TOLD_NOT).sum()):
        lines.append(f"Cannot be told for want of arms that the average is over: {_counted(untold, len(found))}.")
    return lines


def _counted(count: int, of: int) -> str:
    return f"{count} of {of} effects" if of > 1 else "the one effect"


def _missing(design: Design, results: pd.DataFrame) -> list[str]:
    """The cells that are missing, a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for cell, why in of_cells(design, results).missing.items():
        by_reason.setdefault(why, []).append(_named(design, cell))
    count = len(design.all_cells())
    return [
        f"Missing of {count} combinations, {why}: {'; '.join(names[:NAMED])}"
        f"{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''}."
        for why, names in by_reason.items()
    ]


def _named(design: Design, cell: Cell) -> str:
    """The arm of a cell, else its levels."""
    short = short_names(list(design.factors))
    return design.cells.get(cell) or ", ".join(
        f"{short[name]} {level}" for name, level in zip(design.factors, cell, strict=True)
    )


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Dotted names by their last part, where that is enough to tell them apart."""
    last = [path.rpartition(".")[2] for path in paths]
    return {path: part if last.count(part) == 1 else path for part, path in zip(last, paths, strict=True)}
