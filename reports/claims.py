"""What the paper claims, and whether a run at some scale bears it out. Frames in, frames out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from reports import published
from reports.chances import surplus
from reports.columns import COLUMNS
from reports.render import Section, formatted
from reports.statistics import LEVEL, least_variance
from reports.tau import over_seeds
from reports.welch import Pair, Sample

LITTLE = 1.0  # points: a difference that is smaller, either way, is little
TABLES = (6, 7)  # that the claims are about
VERDICTS = {True: "holds", False: "contradicted", None: "cannot tell"}
UNTRAINED = "not trained"

REMARKS = (
    "Holds: the interval of the difference lies on the claim's side of 0; contradicted: on the other side. A claim of "
    f"little: within \u00b1{LITTLE:g} point, or outside of it.",
)

RANKS = (
    "Kendall's tau-b of the paper's accuracies and our means: 1 is the same order, 0 is no relation, \u22121 the "
    "opposite. Interval: 95 % over seeds."
)


def judged(results: pd.DataFrame, unfit: Mapping[tuple[str, str], str] = MappingProxyType({})) -> pd.DataFrame:
    """A row a claim: the paper's difference, ours, and whether the claim holds at the scale of the results.

    Args:
        results: a row a trial: table (of the paper), group, arm (the paper's model), trial, status, top1 (%).
        unfit: why an arm (group, name) is not what its name says at this scale: no claim is judged by it.

    Returns:
        The columns of `published.claims`, then paper_delta, delta (points), ci (half width of the interval of the
        difference; the intervals of all claims that are judged hold at once with 95 %), n and n_against (finished
        seeds), verdict (holds, contradicted, cannot tell, not trained), and why, where a verdict needs a reason.
    """
    claims = published.claims()
    done = results[results["status"] == "done"]
    arms = dict(iter(done.groupby(["table", "group", "arm"])))
    rows: list[dict[str, Any]] = claims.to_dict("records")  # type: ignore[assignment]
    sides = [[arms.get((row["table"], row[group], row[model])) for group, model in SIDES] for row in rows]
    reasons = [_unfit(row, unfit) or _same(*pair) for row, pair in zip(rows, sides, strict=True)]
    can = [why == "" and all(_spread(side) for side in pair) for why, pair in zip(reasons, sides, strict=True)]
    known = [float(side["top1"].var()) for side in arms.values() if len(side) > 1]
    floor = float(least_variance(np.array(known))) if known else 0.0
    made = []
    for says, (arm, against), why, fit in zip(claims["says"], sides, reasons, can, strict=True):
        delta = ci = np.nan
        verdict = UNTRAINED
        if arm is not None and against is not None:
            delta = arm["top1"].mean() - against["top1"].mean() if not why else np.nan
            ci = _half_width(arm, against, floor, sum(can)) if fit else np.nan
            verdict = VERDICTS[_held(says, delta, ci)]
        n, n_against = (0 if side is None else len(side) for side in (arm, against))
        made.append({"delta": delta, "ci": ci, "n": n, "n_against": n_against, "verdict": verdict, "why": why})
    return pd.concat([claims, pd.DataFrame(made)], axis=1)


def _half_width(arm: pd.DataFrame, against: pd.DataFrame, floor: float, comparisons: int) -> float:
    """Of the interval of a difference, one of so many that hold at once (see `reports.statistics`)."""
    pictures = float(pd.concat([arm, against]).get("test_pictures", pd.Series(np.nan)).min())
    pair = Pair(Sample.of(list(arm["top1"])), Sample.of(list(against["top1"])), floor, pictures)
    return pair.half_width(LEVEL / (comparisons + surplus(pair.arm.n, pair.base.n, LEVEL)))


SIDES = (("group", "model"), ("against_group", "against"))


def _unfit(row: Mapping[str, str], unfit: Mapping[tuple[str, str], str]) -> str:
    found = [unfit[row[group], row[model]] for group, model in SIDES if (row[group], row[model]) in unfit]
    return found[0] if found else ""


def _same(arm: pd.DataFrame | None, against: pd.DataFrame | None) -> str:
    """That two arms are trained by the very same trials."""
    if arm is None or against is None or set(arm["trial"]) != set(against["trial"]):
        return ""
    return "one and the same model at this scale"


def _spread(side: pd.DataFrame | None) -> bool:
    return side is not None and len(side) > 1


def _held(says: str, delta: float, ci: float) -> bool | None:
    """Whether an interval bears a claim out; None if it says neither."""
    if np.isnan(delta) or np.isnan(ci):
        return None
    low, high = delta - ci, delta + ci
    if says == "little":
        return True if low > -LITTLE and high < LITTLE else False if low > LITTLE or high < -LITTLE else None
    if says == "lower":
        low, high = -high, -low
    return True if low > 0 else False if high < 0 else None


def agreement(results: pd.DataFrame, unfit: Mapping[tuple[str, str], str] = MappingProxyType({})) -> pd.DataFrame:
    """How well the order of a group's arms agrees with the paper's: a row a group of the tables.

    Kendall's tau-b between the paper's accuracies and our means. Its interval (95 %) is over seeds: those of
    each arm are drawn again with replacement.

    Args:
        results, unfit: as those of `judged`.

    Returns:
        table, group, arms (how many are compared), n (the fewest seeds of one), tau, tau_low, tau_high. Groups of fewer
        than three arms that are trained are left out.
    """
    rows = []
    done = results[results["status"] == "done"]
    for number in TABLES:
        paper = published.table(number)
        paper = paper[paper["own_schedule"] & paper["paper_top1"].notna()]
        for group, members in paper.groupby("group", sort=False):
            here = done[(done["table"] == number) & (done["group"] == group)]
            arms = [
                (printed, here.loc[here["arm"] == model, "top1"].to_numpy(float))
                for model, printed in zip(members["model"], members["paper_top1"], strict=True)
                if (group, model) not in unfit and (here["arm"] == model).any()
            ]
            if len(arms) >= 3:
                printed, ours = zip(*arms, strict=True)
                rows.append({"table": number, "group": group, "arms": len(arms), "n": min(map(len, ours))})
                rows[-1] |= dict(zip(("tau", "tau_low", "tau_high"), over_seeds(printed, ours), strict=True))
    return pd.DataFrame(rows, columns=["table", "group", "arms", "n", "tau", "tau_low", "tau_high"])


def sections(claims: pd.DataFrame, ranks: pd.DataFrame, scale: str) -> list[Section]:
    """The claims and the agreement of ranks, to be printed.

    Args:
        claims: as `judged` gives them.
        ranks: as `agreement` gives them.
        scale: name of the scale.
    """
    text = COLUMNS["paper_delta"].text
    shown = claims.assign(
        claim_seeds=[_pair(a, b) for a, b in zip(claims["n"], claims["n_against"], strict=True)],
        difference=[_plus_minus(text(d), ci) for d, ci in zip(claims["delta"], claims["ci"], strict=True)],
        compared=claims["model"] + " \u2212 " + claims["against"],
    )
    columns = ["claim", "compared", "paper_delta", "difference", "claim_seeds", "verdict"]
    judged = int(claims["ci"].notna().sum())
    counts = {verdict: int((claims["verdict"] == verdict).sum()) for verdict in (*VERDICTS.values(), UNTRAINED)}
    told = ", ".join(f"{verdict} {count}" for verdict, count in counts.items() if count)
    remarks = [f"{len(claims)} claims: {told}.", *REMARKS]
    if judged:
        remarks.append(f"The {judged} intervals (Welch's, over seeds) hold at once with 95 % (Bonferroni).")
    remarks += [f"{row['claim']}: {row['why']}." for row in claims[claims["why"] != ""].to_dict("records")]
    made = [Section(f"Claims of the paper, tested at scale {scale}", formatted(shown, columns), remarks)]
    if not ranks.empty:
        intervals = [_interval(*pair) for pair in zip(ranks["tau_low"], ranks["tau_high"], strict=True)]
        frame = formatted(ranks.assign(tau_interval=intervals), ["group", "arms", "n", "tau", "tau_interval"])
        made.append(Section("Agreement with the order of the paper's accuracies", frame, [RANKS]))
    return made


def findings(claims: pd.DataFrame) -> list[str]:
    """The claims that hold or are contradicted as sentences, and how many are open; `claims` as `judged` gives them."""
    text = COLUMNS["paper_delta"].text
    told = claims[claims["verdict"].isin([VERDICTS[True], VERDICTS[False]])]
    lines = [
        f"{row['claim']}: {row['verdict']} ({_plus_minus(text(row['delta']), row['ci'])} points; the paper: "
        f"{text(row['paper_delta'])})."
        for row in told.to_dict("records")
    ]
    open_ = (claims["verdict"] == VERDICTS[None]).sum()
    return lines + ([f"Nothing can be told yet of {open_} of {len(claims)} claims."] if open_ else [])


def _pair(n: int, against: int) -> str:
    return "" if not n + against else str(n) if n == against else f"{n} and {against}"


def _plus_minus(delta: str, ci: float) -> str:
    return f"{delta} \u00b1 {ci:.1f}" if ci == ci else delta


def _interval(low: float, high: float) -> str:
    text = COLUMNS["tau"].text
    return f"{text(low)} to {text(high)}" if low == low else ""
