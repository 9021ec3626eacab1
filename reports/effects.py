"""Main effects and two-way interactions of a factorial study. Frames in, frames out.

A main effect is what a level of a factor does on average over all combinations of the other factors, against the
factor's first level. An interaction is what two levels do together beyond the sum of what each does alone: a difference
of differences, against the first levels of both factors, averaged over the others. All combinations weigh the same,
whatever the number of their seeds.

Both are contrasts of the means of independent arms (`contrast`). The intervals of all main effects of a group hold at
once with 1 - `level` (Bonferroni), and so do, by themselves, those of all its interactions.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from reports.contrast import Contrast
from reports.statistics import LEVEL, least_variance
from reports.welch import Sample

Cell = tuple[str, ...]  # a level of each factor
NO_ARM = "no arm of this study"
SPOILT = {"failed": "failed", "pruned": "stopped early"}  # states of trials that leave the better seeds
TOLD_NOT, ALIKE = "cannot be told", "one model here"


@dataclass(frozen=True)
class Design:
    """A group whose arms are combinations of levels.

    Attributes:
        factors: their levels, of which the first is what the others are compared with.
        cells: the arm at each combination; those that are not in it, the study has not.
        refused: arms that cannot be had at the scale, and why.
    """

    group: str
    factors: Mapping[str, Sequence[str]]
    cells: Mapping[Cell, str]
    refused: Mapping[str, str] = field(default_factory=dict)

    def all_cells(self) -> list[Cell]:
        """Every combination of levels."""
        return list(product(*self.factors.values()))


@dataclass(frozen=True)
class Results:
    """What is known of the cells of a design.

    Attributes:
        samples: the accuracies of each cell that can be compared.
        missing: why the other cells cannot.
        trials: of each cell; cells of the same trials are one and the same sample.
        pictures: that all are tested on.
    """

    samples: Mapping[Cell, Sample]
    missing: Mapping[Cell, str]
    trials: Mapping[Cell, frozenset]
    pictures: float | None

    def floor(self, first: Cell) -> float:
        """What each cell is taken to vary at least, as `statistics` has it: of all but the baseline's, each once."""
        once = {self.trials[cell]: one.variance for cell, one in self.samples.items() if one.n > 1}
        once.pop(self.trials.get(first, frozenset()), None)
        return float(least_variance(np.array(list(once.values())))) if once else 0.0


def effects(design: Design, results: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """A row an effect.

    Args:
        design: of a group.
        results: as `statistics.over_seeds` has it, a row a trial.
        level: chance that any interval of the main effects is wrong, and any of the interactions.

    Returns:
        kind (`main` or `interaction`), factor and effect (names and levels, one or two of each), against (the first
        levels); delta (points; NaN where it cannot be told); ci (half width of its interval; NaN where a cell has a
        single seed, or nothing varies); least and most (seeds a cell); comparisons (how many of its kind are judged at
        once); level (as given); verdict (`higher`, `lower`, `unresolved`, `TOLD_NOT`, or `ALIKE` where its levels are
        one and the same model at the scale); missing (the cells for want of which it cannot be told).
    """
    found = of_cells(design, results)
    floor = found.floor(tuple(levels[0] for levels in design.factors.values()))
    rows = []
    for order, kind in enumerate(("main", "interaction"), 1):
        made = [_effect(design, found, chosen, floor) | {"kind": kind} for chosen in _choices(design, order)]
        told = sum(row["contrast"] is not None for row in made)
        rows += [_judged(row, told, level) for row in made]
    return pd.DataFrame(rows)


def level_means(design: Design, results: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Mean accuracy at a level of a factor over all combinations of the others; none where one of them is missing."""
    found = of_cells(design, results).samples
    means = {}
    for i, (factor, levels) in enumerate(design.factors.items()):
        for level in levels:
            cells = [cell for cell in design.all_cells() if cell[i] == level]
            if all(cell in found for cell in cells):
                means[factor, level] = float(np.mean([found[cell].mean for cell in cells]))
    return means


def of_cells(design: Design, results: pd.DataFrame) -> Results:
    """The samples of a design's cells, and why there are none of the others.

    A cell of which seeds failed, or were stopped early, has none: those that are left are the better ones.
    """
    results = results[results["group"] == design.group]
    arms: dict[str, list[dict]] = {}
    for row in results.to_dict("records"):
        arms.setdefault(row["arm"], []).append(row)
    samples: dict[Cell, Sample] = {}
    missing: dict[Cell, str] = {}
    trials: dict[Cell, frozenset] = {}
    for cell in design.all_cells():
        name = design.cells.get(cell)
        if name is None:
            missing[cell] = NO_ARM
            continue
        rows = arms.get(name, [])
        trials[cell] = frozenset(row.get("trial", (name, i)) for i, row in enumerate(rows))
        states = Counter(row["status"] for row in rows)
        values = [float(row["top1"]) for row in rows if row["status"] == "done"]
        spoilt = [f"{states[state]} {word}" for state, word in SPOILT.items() if states[state]]
        if spoilt:
            missing[cell] = f"{' and '.join(spoilt)} of {len(rows)} seeds"
        elif values:
            samples[cell] = Sample.of(values)
        else:
            missing[cell] = design.refused.get(name, "not trained")
    known = list(results["test_pictures"].dropna()) if "test_pictures" in results else []
    return Results(samples, missing, trials, float(min(known)) if known else None)


def _choices(design: Design, order: int) -> list[dict[str, str]]:
    """Levels of so many factors, none of them the first."""
    return [
        dict(zip(names, levels, strict=True))
        for names in combinations(design.factors, order)
        for levels in product(*(design.factors[name][1:] for name in names))
    ]


def _effect(design: Design, found: Results, chosen: Mapping[str, str], floor: float) -> dict[str, Any]:
    """The contrast of some levels with the first ones, or the cells that it wants for."""
    among = {name: (levels[0], chosen[name]) if name in chosen else levels for name, levels in design.factors.items()}
    at = [list(design.factors).index(name) for name in chosen]
    signs = [dict(zip(among[name], (-1, 1), strict=True)) for name in chosen]
    weights = {
        cell: prod(sign[cell[i]] for i, sign in zip(at, signs, strict=True)) for cell in product(*among.values())
    }
    row: dict[str, Any] = {
        "factor": tuple(chosen),
        "effect": tuple(chosen.values()),
        "against": tuple(design.factors[name][0] for name in chosen),
        "missing": [cell for cell in weights if cell in found.missing],
        "contrast": None,
        "alike": False,
    }
    if row["missing"]:
        return row
    share = 2 ** len(chosen) / len(weights)
    summed: dict[frozenset, int] = {}  # cells of the same trials are one sample
    for cell, sign in weights.items():
        summed[found.trials[cell]] = summed.get(found.trials[cell], 0) + sign
    by_trials = {found.trials[cell]: found.samples[cell] for cell in weights}
    terms = [(share * sign, by_trials[key]) for key, sign in summed.items() if sign]
    contrast = Contrast(terms, floor, found.pictures) if terms else None
    return row | {"contrast": contrast, "alike": not terms}


def _judged(row: dict[str, Any], comparisons: int, level: float) -> dict[str, Any]:
    """The row with its numbers, as one among so many of its kind."""
    contrast: Contrast | None = row.pop("contrast")
    alike = row.pop("alike")
    none = {"delta": np.nan, "ci": np.nan, "least": np.nan, "most": np.nan}
    if contrast is None:
        return row | none | {"comparisons": comparisons, "level": level, "verdict": ALIKE if alike else TOLD_NOT}
    ci = contrast.half_width(level / (comparisons + contrast.surplus(level)))
    delta, seeds = contrast.value, [one.n for _, one in contrast.terms]
    verdict = ("higher" if delta > 0 else "lower") if abs(delta) > ci else "unresolved"
    numbers = {"delta": delta, "ci": ci, "least": min(seeds), "most": max(seeds)}
    return row | numbers | {"comparisons": comparisons, "level": level, "verdict": verdict}
