"""What a search has found, as tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from reports import search_table
from reports.columns import Column
from reports.render import Section
from searchspace.cost.remembered import costs
from searchspace.presets import preset
from studies.language.likeness import fields_alike
from studies.language.study import Arm

if TYPE_CHECKING:
    from studies.api.search import SearchResult

GOOD_PRACTICE = "Good practice of architecture search (Lindauer and Hutter, JMLR 2020)"
CHECKS = {"point": Column("What is asked"), "holds": Column("Holds"), "value": Column("Here")}


def pareto_section(made: "SearchResult") -> Section:
    """The base and the Pareto set, a row each."""
    of = made.asked.definition
    base = preset(of.base)
    (cost,) = costs([base])
    rows = [
        {
            "candidate": of.base,
            "point": _text(of.space.point_of(base) or {}) or "no point of the space",
            "params": cost["params"],
            "macs": cost["macs"],
        }
    ]
    rows += [
        {
            "candidate": str(one.number),
            "point": _text(one.point),
            "params": one.params,
            "macs": one.macs,
            "top1": one.top1,
            "latency": one.latency,
        }
        for one in made.front
    ]
    frame = pd.DataFrame(rows, columns=["candidate", "point", "params", "macs", "latency", "top1"])
    return search_table.section(made.asked.name, frame, of.scale.scale, _remarks(made))


def checklist_section(made: "SearchResult") -> Section:
    """A row a point of good practice, with what says whether it holds."""
    rows = [{"point": one.point, "holds": "yes" if one.holds else "no", "value": one.value} for one in made.checklist]
    return Section(GOOD_PRACTICE, pd.DataFrame(rows, columns=list(CHECKS)), more=CHECKS)


def _remarks(made: "SearchResult") -> list[str]:
    """How many candidates there were, and how many different models they are at the scale."""
    lines = []
    for who, found in (("", made.found), ("The random search beside it: ", made.control)):
        if found:
            failed = sum(one.status == "failed" for one in found)
            stopped = sum(one.status == "stopped" for one in found)
            models = len({one.trial for one in found})
            early = f", {stopped} stopped early" if stopped else ""
            alike = "" if models == len(found) else f", {models} different models at this scale"
            lines.append(f"{who}{len(found)} candidates{alike}{early}{f', {failed} failed' if failed else ''}.")
    of, pairs = made.asked.candidates, []
    for one in made.found:
        if candidate := of.at(one.point):
            arm = Arm("", str(one.number), one.model, baseline=False, optional=False)
            pairs.append((arm, candidate.trial))
    return [*lines, *(f"{line}." for line in fields_alike(pairs))]


def _text(point: Mapping[str, Any]) -> str:
    """A point in a line, each knob by the last part of its name."""
    return ", ".join(f"{name.rpartition('.')[2]} {_said(value)}" for name, value in point.items())


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
