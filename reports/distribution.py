"""How costs and accuracies of many models are distributed: each figure is the numbers as a frame, then the drawing."""

from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures import COLOURS


class Axis(NamedTuple):
    """What an axis shows: its label, what values are divided by, and whether it is logarithmic."""

    label: str
    unit: float
    log: bool


AXES = {
    "macs": Axis("MACs (G)", 1e9, True),
    "params": Axis("Params (M)", 1e6, True),
    "top1": Axis("Top-1 accuracy (%)", 1.0, False),
}


def cost_distribution(models: pd.DataFrame, results: pd.DataFrame | None = None) -> pd.DataFrame:
    """The points of `draw_cost_distribution`: of, figure, value, share.

    The share (0 to 1) of models whose value is at most this one: the empirical distribution function, by which the
    models of a space are compared in Radosavovic et al., "Designing network design spaces" (arXiv 2003.13678).

    Args:
        models: a row a model: macs, params.
        results: a row a trained model: macs, params, top1 (%); rows without an accuracy are left out.
    """
    parts = [_steps(models, "models", ("macs", "params"))]
    if results is not None:
        parts.append(_steps(results[results["top1"].notna()], "trained", ("macs", "params", "top1")))
    return pd.concat(parts, ignore_index=True)


def draw_cost_distribution(points: pd.DataFrame, name: str) -> Figure:
    """A panel for each figure, with a line for the models and one for those that are trained."""
    shown = [figure for figure in AXES if (points["figure"] == figure).any()]
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(4 * len(shown), 3.4), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(shown), sharey=True))
        for panel, column in zip(panels, shown, strict=True):
            axis = AXES[column]
            for (of, part), colour in zip(points[points["figure"] == column].groupby("of"), COLOURS, strict=False):
                panel.step(
                    part["value"] / axis.unit, part["share"], where="post", color=colour, label=f"{of}: {len(part)}"
                )
            if axis.log:
                panel.set_xscale("log")
            panel.set_xlabel(axis.label)
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
