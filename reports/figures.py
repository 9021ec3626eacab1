"""Figures: each is the numbers as a frame, then the drawing of it."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers, with a marker each for print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"


def accuracy_against_macs(rows: pd.DataFrame) -> pd.DataFrame:
    """The points of `draw_accuracy_against_macs`: panel, group, model, macs, top1, top1_sd.

    Args:
        rows: as `paper_table.compared` gives them. The panel `paper` has its accuracies and MACs (G) for the models
            that were trained here, the panel `run` ours (M).
    """
    trained = rows[(rows["n"].fillna(0) > 0) & ~(rows[["stopped", "failed"]].fillna(0) > 0).any(axis=1)]
    paper = trained.assign(
        panel="paper", macs=trained["paper_macs_g"], top1=trained["paper_top1"], top1_sd=float("nan")
    )
    run = trained.assign(panel="run", macs=trained["run_macs_m"])
    return pd.concat([paper, run])[["panel", "group", "model", "macs", "top1", "top1_sd"]].reset_index(drop=True)


def draw_accuracy_against_macs(points: pd.DataFrame, scale: str) -> Figure:
    """Two panels side by side: the paper's accuracy against MACs, and the run's, a colour a group."""
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12, 5.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        _panel(left, points[points["panel"] == "paper"], "The paper: ImageNet, 224 x 224", "MACs (G)")
        _panel(right, points[points["panel"] == "run"], f"This run: {scale}, small models", "MACs (M)")
        left.set_ylabel("Top-1 accuracy (%)")
        right.set_ylabel("Top-1 accuracy (%), mean \u00b1 sd over seeds")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the name says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _panel(axes: Axes, points: pd.DataFrame, title: str, label: str) -> None:
    for i, (group, members) in enumerate(points.groupby("group", sort=False)):
        axes.errorbar(
            members["macs"],
            members["top1"],
            yerr=members["top1_sd"].fillna(0) if members["top1_sd"].notna().any() else None,
            fmt=MARKERS[i % len(MARKERS)],
            color=COLOURS[i % len(COLOURS)],
            capsize=2,
            elinewidth=0.8,
            label=str(group),
        )
    label_points(axes, points)
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(label)
    axes.grid(alpha=0.25)
    axes.margins(0.12)


def label_points(axes: Axes, points: pd.DataFrame, log: bool = False) -> None:
    """Name each point, right of it; where names or points are in the way the name moves and a thin line leads to it.

    Args:
        axes: that has the points.
        points: model, macs, top1.
        log: whether the axis of MACs is logarithmic.
    """
    if points.empty:
        return
    places = points["macs"].astype(float).to_numpy()
    places = np.log(places) if log else places
    width = float(places.max() - places.min()) or 1.0
    height = float(points["top1"].max() - points["top1"].min()) or 1.0
    points = points.assign(x=places / width, y=points["top1"].astype(float) / height)
    marks = list(zip(points["x"], points["y"], strict=True))
    names: list[tuple[float, float]] = []
    order = points.sort_values(["top1", "macs"], ascending=False)
    for model, x, y, macs, top1 in order[["model", "x", "y", "macs", "top1"]].itertuples(index=False):
        for shift in sorted((step * 0.036 for step in range(-12, 13)), key=abs):
            clear = all(abs(x - a) > 0.2 or abs(y + shift - b) > 0.05 for a, b in names)
            hides = any(x + 0.01 < a < x + 0.2 and abs(y + shift - b) < 0.025 for a, b in marks)
            if clear and not hides:
                break
        names.append((x, y + shift))
        right = x + 0.03
        axes.annotate(
            str(model),
            (float(macs), float(top1)),
            xytext=(float(np.exp(right * width)) if log else right * width, float(top1) + shift * height),
            fontsize=7,
            va="center",
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.5} if shift else None,
        )
