"""Costs of the arms of a study by part: the numbers, then the drawing."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import COLOURS, STYLE, rows_height, unit, wrapped

# Each part with its colour and a hatch, since the eight are more than the palette has.
PARTS = {
    "tokenizer": ("tokenizer and positions", COLOURS[2], ""),
    "attention": ("attention", COLOURS[0], ""),
    "mlp": ("MLP", COLOURS[5], ""),
    "norm": ("norm", "0.75", ""),
    "growth": ("growth of dense blocks", COLOURS[4], ""),
    "transition": ("transition", COLOURS[4], "////"),
    "head": ("head", COLOURS[1], ""),
    "cnn": ("CNN as a whole", "0.55", ""),
}
LABELS = {"macs": "MACs", "params": "Params"}
OUTSIDE = 0.14  # of the axis, right of the longest bar, for its sum


def costs(parts: pd.DataFrame) -> pd.DataFrame:
    """The bars of `draw_costs`: group, arm, part, figure (`macs` or `params`), start, value; counts.

    Args:
        parts: a row a part of an arm: group, arm, part (key of `PARTS`), macs, params. The arms' order is kept.
    """
    order = {name: i for i, name in enumerate(PARTS)}
    keys = {key: i for i, key in enumerate(dict.fromkeys(zip(parts["group"], parts["arm"], strict=True)))}
    place = [keys[key] for key in zip(parts["group"], parts["arm"], strict=True)]
    rows = parts.assign(row=place, rank=parts["part"].map(order)).sort_values(["row", "rank"])
    bars = rows.melt(["group", "arm", "part", "row"], list(LABELS), "figure", "value")
    bars["start"] = bars.groupby(["figure", "row"])["value"].cumsum() - bars["value"]
    return bars.drop(columns="row")


def draw_costs(bars: pd.DataFrame, title: str) -> Figure:
    """Stacked bars of each arm, MACs beside params, with the sum at the end of each.

    Args:
        bars: of `costs`.
        title: of the figure.
    """
    arms = list(dict.fromkeys(zip(bars["group"], bars["arm"], strict=True)))
    several = bars["group"].nunique() > 1
    names, places, y = [wrapped(arm) for _, arm in arms], {}, 0.0
    for i, key in enumerate(arms):
        y += 0.9 * (several and (i == 0 or arms[i - 1][0] != key[0])) + (i > 0)  # a line for the name of a group
        places[key] = -y
    with matplotlib.rc_context(STYLE):
        inches = 1.3 + rows_height(names, 0.24) / len(arms) * (y + 1)
        figure = Figure(figsize=(10, inches), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, name in zip(panels, LABELS, strict=True):
            _bars(axes, bars[bars["figure"] == name], places, LABELS[name])
        panels[0].set_yticks(list(places.values()), names)
        panels[0].set_ylim(-y - 0.6, 0.6 if not several else 0.3)
        if several:
            for i, (group, arm) in enumerate(arms):
                if i == 0 or arms[i - 1][0] != group:
                    panels[0].annotate(
                        wrapped(group), (0, places[group, arm] + 0.85), xytext=(4, 0), textcoords="offset points",
                        va="center", fontsize=8, fontstyle="italic", xycoords=("axes fraction", "data"),
                    )  # fmt: skip
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False)
        figure.suptitle(wrapped(title, 90), x=0.01, ha="left", fontweight="bold")
    return figure


def _bars(axes: Axes, bars: pd.DataFrame, places: dict[tuple[str, str], float], label: str) -> None:
    sums = bars.groupby(["group", "arm"], sort=False)["value"].sum()
    sign, size = unit(float(sums.median()))
    for part, (name, colour, hatch) in PARTS.items():
        some = bars[bars["part"] == part]
        if some.empty:
            continue
        ys = [places[key] for key in zip(some["group"], some["arm"], strict=True)]
        axes.barh(
            ys, some["value"] / size, left=some["start"] / size, height=0.7, color=colour, hatch=hatch, label=name,
            edgecolor="white", lw=0.3,
        )  # fmt: skip
    for key, total in zip(sums.index, sums, strict=True):
        place, text = (total / size, places[key]), f"{total / size:#.3g}".rstrip(".")
        axes.annotate(text, place, xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xlim(0, float(np.nanmax(sums)) / size * (1 + OUTSIDE) or 1)
    axes.set_xlabel(f"{label} ({sign})" if sign else label)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
