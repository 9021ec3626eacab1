"""Seeds where they are needed: how many an arm is given, look by look, until its difference is resolved.

The looks are planned before the first: so many seeds of the arms, and twice as many of their baseline, at each. Each
look is made at an equal part of the level, so that the chance of a false verdict at any of them is at most the whole
(Bonferroni's inequality: it asks nothing of how the looks depend on each other). After a look more seeds are trained of
the arms that are still open, and of their baseline: what is decided depends on the results alone, so that a run that
was killed decides the same again. An arm that was decided gets no more seeds; if others of its group turn out to vary
more, the last look may find it open again, which is no false verdict. `staged.py` has the same for made-up studies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

import pandas as pd

from reports.statistics import LEVEL, over_seeds

GROWTH = 1.6  # seeds of a look over those of the one before
OPEN, SMALLER = "open", "smaller"
Key = tuple[str, str]  # group and arm


@dataclass(frozen=True)
class Looks:
    """A plan of looks.

    Attributes:
        size: points; a difference that is shown to be smaller needs no more seeds.
        first: seeds of every arm at the first look.
        most: seeds of an arm, or of a baseline, at the last.
        first_base: seeds of a baseline at the first; none: as many as of the arms.
    """

    size: float
    first: int
    most: int
    first_base: int | None = None

    @property
    def stages(self) -> list[tuple[int, int]]:
        """Seeds of an arm and of a baseline at each look."""
        found = [(self.first, max(self.first, min(self.first_base or 0, self.most)))]
        while found[-1][0] < self.most:
            n = ceil(GROWTH * found[-1][0])
            n = n if 1.25 * n < self.most else self.most
            found.append((n, max(found[-1][1], min(2 * n, self.most))))
        return found

    @property
    def level(self) -> float:
        """Chance of a false verdict among a group's arms at each look."""
        return LEVEL / len(self.stages)


@dataclass
class Round:
    """Where the looks have come to.

    Attributes:
        look: the number of the last that was made; 0: none yet.
        missing: group, arm and seed of what the next one needs, baselines first; empty: there is no next one.
        found: of each compared arm `higher`, `lower`, `smaller` (than the size) or `open`, at the last look.
        looked: seeds of each arm at the last look.
        seeds: of each arm, with those that are missing.
    """

    look: int = 0
    missing: list[tuple[Key, int]] = field(default_factory=list)
    found: dict[Key, str] = field(default_factory=dict)
    looked: dict[Key, int] = field(default_factory=dict)
    seeds: dict[Key, int] = field(default_factory=dict)


def next_round(results: pd.DataFrame, looks: Looks, seeds: Sequence[int]) -> Round:
    """Make every look that the results allow, from the first on, and say what the next one needs.

    Args:
        results: as `statistics.over_seeds` takes them, with a row for every arm and seed that may be trained; a trial
            whose status is neither `done` nor `failed` is missing, and an arm with one that failed gets no more seeds.
        looks: as planned.
        seeds: in the order in which they are trained, `looks.most` of them at least.
    """
    arms = results.drop_duplicates(["group", "arm"])
    baseline = dict(zip(zip(arms["group"], arms["arm"], strict=True), arms["baseline"], strict=True))
    order = {seed: i for i, seed in enumerate(seeds)}
    rank = results["seed"].map(order)
    keys = pd.Series(list(zip(results["group"], results["arm"], strict=True)), index=results.index)
    n, n_base = looks.stages[0]
    state = Round(seeds={key: n_base if base else n for key, base in baseline.items()})
    for look, _ in enumerate(looks.stages):
        within = results[rank < keys.map(state.seeds)]
        state.missing = _missing(within)
        if state.missing:
            return state
        table = over_seeds(within, looks.level)
        state.look, state.looked = look + 1, dict(state.seeds)
        state.found = {
            (row["group"], row["arm"]): _found(row, looks.size)
            for row in table.to_dict("records")
            if row["verdict"] in ("higher", "lower", "unresolved")
        }
        if look + 1 == len(looks.stages):
            break
        open_ = {key for key, found in state.found.items() if found == OPEN}
        if not open_:
            break
        n, n_base = looks.stages[look + 1]
        groups = {group for group, _ in open_}
        for key in state.seeds:
            if baseline[key] and key[0] in groups:
                state.seeds[key] = max(state.seeds[key], n_base)
            elif key in open_:
                state.seeds[key] = n
        for group, arm, twin in zip(table["group"], table["arm"], table["same_as"], strict=True):
            if twin:  # one and the same trials
                state.seeds[group, arm] = state.seeds[group, twin]
    return state


def _missing(results: pd.DataFrame) -> list[tuple[Key, int]]:
    """What is to be trained, baselines first; nothing more of an arm of which a seed failed."""
    failed = results[results["status"] == "failed"]
    gone = set(zip(failed["group"], failed["arm"], strict=True))
    rows = results[~results["status"].isin(["done", "failed"])].sort_values("baseline", ascending=False, kind="stable")
    found = [((row["group"], row["arm"]), row["seed"]) for row in rows.to_dict("records")]
    return [(key, seed) for key, seed in found if key not in gone]


def _found(row: dict, size: float) -> str:
    if row["verdict"] != "unresolved":
        return row["verdict"]
    return SMALLER if abs(row["delta"]) + row["ci"] <= size else OPEN
