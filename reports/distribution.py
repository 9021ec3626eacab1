"""How costs and accuracies of many models are distributed: each figure is the numbers as a frame, then the drawing."""

from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures import COLOURS, unit


class Axis(NamedTuple):
    """What an axis shows: its label, and whether it counts something, on a logarithmic axis in a unit that fits."""

    label: str
    counts: bool


AXES = {
    "macs": Axis("MACs", True),
    "params": Axis("Params", True),
    "error": Axis("Top-1 error (%)", False),
}
COLOUR = {"models": COLOURS[0], "trained": COLOURS[1]}


def cost_distribution(models: pd.DataFrame, results: pd.DataFrame | None = None) -> pd.DataFrame:
    """The points of `draw_cost_distribution`: of, figure, value, share.

    The share (0 to 1) of models whose value is at most this one: the empirical distribution function, by whose errors
    spaces are compared in Radosavovic et al., "Designing network design spaces" (arXiv 2003.13678, eq. 1).

    Args:
        models: a row a model: macs, params.
        results: a row a trained model: macs, params, top1 (%); rows without an accuracy are left out.
    """
    parts = [_steps(models, "models", ("macs", "params"))]
    if results is not None:
        trained = results[results["top1"].notna()]
        parts.append(_steps(trained.assign(error=100 - trained["top1"]), "trained", ("macs", "params", "error")))
    return pd.concat(parts, ignore_index=True)


def draw_cost_distribution(points: pd.DataFrame, name: str) -> Figure:
    """A panel for each figure, with a line for the models and one for those that are trained; errors are theirs."""
    shown = [figure for figure in AXES if (points["figure"] == figure).any()]
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(4 * len(shown), 3.4), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(shown), sharey=True))
        for panel, column in zip(panels, shown, strict=True):
            axis, rows = AXES[column], points[points["figure"] == column]
            sign, divisor = unit(rows["value"].median()) if axis.counts else ("", 1.0)
            for of, part in rows.groupby("of"):
                label = f"{of}: {len(part)}"
                panel.step(part["value"] / divisor, part["share"], where="post", color=COLOUR[str(of)], label=label)
            if axis.counts:
                panel.set_xscale("log")
            panel.set_xlabel(f"{axis.label} ({sign})" if sign else axis.label)
            panel.set_ylim(0, 1.02)
            panel.grid(alpha=0.25)
            panel.legend(frameon=False, loc="lower right")
        panels[0].set_ylabel("Share of models with at most so much")
        panels[0].set_title(f"Space {name}", loc="left", fontweight="bold")
    return figure


def _steps(rows: pd.DataFrame, of: str, figures: tuple[str, ...]) -> pd.DataFrame:
    share = np.arange(1, len(rows) + 1) / max(1, len(rows))
    return pd.concat(
        [
            pd.DataFrame({"of": of, "figure": figure, "value": np.sort(rows[figure].to_numpy(float)), "share": share})
            for figure in figures
        ],
        ignore_index=True,
    )
