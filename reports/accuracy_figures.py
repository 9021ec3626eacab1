"""Accuracy against MACs or params, as figure 1 of the paper has it: the numbers, then the drawing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import published
from reports.figures import STYLE, log_scale, marker, on_front, unit, wrapped
from reports.labels import name_points, told

PAPER, RUN = "paper", "run"
FIGURE_1 = (2, 3, 4)  # tables whose points the paper's figure 1 has
COLUMNS = ["of", "family", "model", "cost", "top1", "top1_sd", "trained", "line"]
LINE = re.compile(r"(T2T-ViT(_[a-z])?|[A-Za-z]+?)(V\d)?(?=\d|-|\s|$)")  # a family, and a version of it
VARIANT = r"@|Distilled"  # other pictures, or another training, than the models of its family
FRONT: dict[str, Any] = {"color": "0.6", "lw": 1.2, "ls": (0, (4, 3))}
WIDE = 8  # from the least to the highest cost: more is on a logarithmic axis


@dataclass(frozen=True)
class Cost:
    """What is on the horizontal axis.

    Attributes:
        label: of the axis.
        printed: the paper's column, in `unit`s.
        counted: the column of `statistics.over_seeds`, in `run_unit`s.
    """

    label: str
    printed: str
    unit: float
    counted: str
    run_unit: float


COSTS = {
    "macs": Cost("MACs", "paper_macs_g", 1e9, "run_macs_m", 1e6),
    "params": Cost("Params", "paper_params_m", 1e6, "run_params_k", 1e3),
}


def of_table(number: int, rows: pd.DataFrame, cost: str = "macs") -> pd.DataFrame:
    """The points of `draw_accuracy` for a table of the paper: what the paper prints, and what was trained here.

    Args:
        number: of the table. Of tables 2, 3 and 4 the paper's points are those of all three, as in its figure 1.
        rows: as `paper_table.compared` gives them.
        cost: key of `COSTS`.

    Returns:
        of (`paper` or `run`), family, model, cost (a count), top1 (%), top1_sd, trained (whether the model has a
        point of the run), line (the name of the line through the point; "": none). What the paper quotes from
        elsewhere is left out where it has trained the same model itself.
    """
    run = _measured(rows, cost)
    numbers = FIGURE_1 if number in FIGURE_1 else (number,)
    paper = pd.concat([published.table(n) for n in numbers], ignore_index=True)
    twin = paper["model"].isin(paper.loc[paper["own_schedule"], "model"]) & ~paper["own_schedule"]
    paper = paper[~twin].drop_duplicates(["group", "model"])
    of = COSTS[cost]
    paper = paper.assign(of=PAPER, cost=paper[of.printed] * of.unit, top1=paper["paper_top1"], top1_sd=np.nan)
    points = pd.concat([paper, run], ignore_index=True)
    points = points[points["cost"].notna() & points["top1"].notna()]
    keys = pd.Series(list(zip(points["group"], points["model"], strict=True)), index=points.index)
    trained = set(zip(run["group"], run["model"], strict=True))
    family, line = points["group"], pd.Series("", index=points.index)
    if not points["group"].any():
        found = points["model"].str.extract(LINE)
        family = found[0].fillna(points["model"])
        line = (family + found[2].fillna("")).mask(points["model"].str.contains(VARIANT), "")
    return points.assign(trained=keys.isin(trained), family=family, line=line)[COLUMNS].reset_index(drop=True)


def of_arms(arms: pd.DataFrame, cost: str = "macs") -> pd.DataFrame:
    """The points of `draw_accuracy` for a study of one's own: columns as of `of_table`, a family a group.

    Args:
        arms: as `statistics.over_seeds` gives them. One of which seeds failed or were stopped has no point.
        cost: key of `COSTS`.
    """
    points = _measured(arms.rename(columns={"arm": "model"}), cost)
    return points.assign(family=points["group"], trained=True, line="")[COLUMNS].reset_index(drop=True)


def _measured(rows: pd.DataFrame, cost: str) -> pd.DataFrame:
    of = COSTS[cost]
    whole = (rows["n"].fillna(0) > 0) & ~(rows[["stopped", "failed"]].fillna(0) > 0).any(axis=1)
    return rows[whole].assign(of=RUN, cost=rows[of.counted].astype(float) * of.run_unit)


def draw_accuracy(
    points: pd.DataFrame,
    titles: Mapping[str, str] = MappingProxyType({}),
    cost: str = "macs",
    comparable: bool = False,
) -> Figure:
    """Accuracy against cost with names and the Pareto front; the paper and the run have a panel each.

    Args:
        points: of `of_table` or `of_arms`.
        titles: of the panels, by `of`.
        cost: key of `COSTS`.
        comparable: whether the run is of the paper's models on the paper's data, and so shares an axis with them.
    """
    there = [of for of in (PAPER, RUN) if (points["of"] == of).any()] or [RUN]
    panels = {PAPER: points} if comparable else {of: points[points["of"] == of] for of in there}
    most = max(len(shown) for shown in panels.values())
    families = list(dict.fromkeys(points["family"]))
    with matplotlib.rc_context(STYLE):
        size = (max(7.2, 6.0 * len(panels)), 5.0 + 0.12 * min(max(0, most - 12), 60))
        figure = Figure(figsize=size, layout="constrained")
        every = np.atleast_1d(figure.subplots(1, len(panels)))
        named = [
            (axes, _panel(axes, shown, families, titles.get(of, ""), COSTS[cost].label))
            for axes, (of, shown) in zip(every, panels.items(), strict=True)
        ]
        every[0].set_ylabel("Top-1 accuracy (%)" + ("" if PAPER in there else ", mean \u00b1 sd over seeds"))
        if len(every) > 1:
            every[1].set_ylabel("Top-1 accuracy (%), mean \u00b1 sd over seeds")
        _legend(figure, every[0], points)
        for axes, names in named:
            if left_out := name_points(axes, names):
                axes.annotate(told(left_out), (1, 1.005), xycoords="axes fraction", ha="right", va="bottom", fontsize=7)
    return figure


def _panel(axes: Axes, points: pd.DataFrame, families: list[str], title: str, label: str) -> pd.DataFrame:
    """Draw the points; what is returned is where their names belong."""
    sign, size = unit(float(points["cost"].median())) if len(points) else ("", 1.0)
    points = points.assign(x=points["cost"] / size, y=points["top1"].astype(float))
    front = points[on_front(points["x"], points["y"])].sort_values("x")
    if len(front) > 1:
        axes.plot(np.repeat(front["x"], 2)[1:], np.repeat(front["y"], 2)[:-1], **FRONT, zorder=1)  # in steps
    for family, members in points.groupby("family", sort=False):
        colour, shape = marker(families.index(str(family)))
        for _, line in members[(members["line"] != "") & (members["of"] == PAPER)].groupby("line"):
            line = line.sort_values(["x", "y"])
            axes.plot(line["x"], line["y"], color=colour, lw=1.2, zorder=2)
        for (of, trained), some in members.groupby(["of", "trained"]):
            face = colour if of == RUN or trained else "white"
            bars = some["top1_sd"].fillna(0).astype(float) if some["top1_sd"].notna().any() else None
            axes.errorbar(
                some["x"], some["y"], yerr=bars, fmt=shape, color=colour, mfc=face, ms=5.5, capsize=2, elinewidth=0.8,
                zorder=3,
            )  # fmt: skip
    axes.margins(0.08, 0.1)
    if len(points) and points["x"].min() > 0 and points["x"].max() / points["x"].min() > WIDE:
        log_scale(axes)
    axes.set_title(wrapped(title, 60), loc="left", fontweight="bold")
    axes.set_xlabel(f"{label} ({sign})" if sign else label)
    axes.grid(alpha=0.25)
    return points[["model", "x", "y"]]


def _legend(figure: Figure, axes: Axes, points: pd.DataFrame) -> None:
    """What each colour and marker is, below the panels."""
    families = list(dict.fromkeys(points["family"]))
    handles = []
    for i, name in enumerate(families):
        colour, shape = marker(i)
        members = points[points["family"] == name]
        lines = members.loc[(members["line"] != "") & (members["of"] == PAPER), "line"]
        dash, face = "-" if lines.duplicated().any() else "none", colour if members["trained"].any() else "white"
        (handle,) = axes.plot([], [], ls=dash, marker=shape, lw=1.2, color=colour, mfc=face, label=wrapped(name))
        handles += [handle] if name else []
    if not points["trained"].all():
        (hollow,) = axes.plot([], [], "o", color="0.3", mfc="white", label="hollow: not trained here")
        handles.append(hollow)
    (front,) = axes.plot([], [], **FRONT, label="Pareto front")
    handles.append(front)
    longest = max(max(map(len, str(handle.get_label()).split("\n"))) for handle in handles)
    columns = max(1, int(figure.get_figwidth() * 72 / (5.2 * longest + 36)))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)), frameon=False)
