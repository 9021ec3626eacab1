"""What a search has found, as figures: each is the numbers as a frame, then the drawing of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import COLOURS, MARKERS, STYLE, log_scale, on_front
from reports.labels import name_points

ABSENT = "\u2013"  # a knob that a candidate has not


def front_points(candidates: pd.DataFrame, tested: pd.DataFrame, macs: Mapping[str, float]) -> pd.DataFrame:
    """The points of `draw_front`: panel, of, model, macs (G, at full size), top1 (%), top1_sd, front.

    Args:
        candidates: search, top1 (% on validation pictures; NaN where not done), macs.
        tested: arm, seed, status, top1 (% on test pictures) of the models that were tested; may be empty.
        macs: of each of these arms at full size.
    """
    done = candidates[candidates["top1"].notna()]
    ranked = pd.DataFrame(
        {"panel": "validation", "of": done["search"], "model": "", "macs": done["macs"] / 1e9}
    ).assign(top1=done["top1"].astype(float), top1_sd=np.nan)
    ranked["front"] = pd.concat([on_front(part["macs"], part["top1"]) for _, part in ranked.groupby("of")])
    if tested.empty:
        return ranked
    arms = tested[tested["status"] == "done"].groupby("arm", sort=False)["top1"]
    means = arms.agg(top1="mean", top1_sd="std").reset_index().rename(columns={"arm": "model"})
    means = means.assign(panel="test", of="tested", macs=means["model"].map(macs) / 1e9, front=False)
    return pd.concat([ranked, means], ignore_index=True)


def draw_front(points: pd.DataFrame, search: str, scale: str) -> Figure:
    """Accuracy against MACs: the candidates with the Pareto set of each search, and the models that were tested."""
    panels = [name for name in ("validation", "test") if (points["panel"] == name).any()]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6 * len(panels), 4.6), layout="constrained")
        for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            shown = points[points["panel"] == panel]
            if panel == "validation":
                _candidates(axes, shown)
                axes.set_title(f"{search}: candidates at scale {scale}", loc="left", fontweight="bold")
                axes.set_ylabel("Top-1 on validation pictures (%), one seed")
            else:
                _tested(axes, shown)
                axes.set_title("The best, retrained, beside others", loc="left", fontweight="bold")
                axes.set_ylabel("Top-1 on test pictures (%), mean \u00b1 sd over seeds")
            log_scale(axes)
            axes.set_xlabel("MACs (G) at full size")
            axes.grid(alpha=0.25)
        if panels[-1] == "test":
            name_points(figure.axes[-1], points[points["panel"] == "test"].rename(columns={"macs": "x", "top1": "y"}))
    return figure


def _candidates(axes: Axes, points: pd.DataFrame) -> None:
    for (name, part), colour, marker in zip(points.groupby("of", sort=False), COLOURS, MARKERS, strict=False):
        axes.scatter(part["macs"], part["top1"], s=12, color=colour, alpha=0.45, marker=marker, lw=0)
        front = part[part["front"]].sort_values("macs")
        axes.step(front["macs"], front["top1"], where="post", color=colour, marker=marker, ms=5, label=str(name))
    axes.legend(frameon=False, loc="lower right", title="Pareto set of")


def _tested(axes: Axes, points: pd.DataFrame) -> None:
    axes.errorbar(
        points["macs"], points["top1"], yerr=points["top1_sd"].fillna(0), fmt="o", ms=5, color=COLOURS[0], capsize=2,
        elinewidth=0.8,
    )  # fmt: skip
    axes.margins(0.15)


def draw_importance(importance: pd.DataFrame, search: str) -> Figure:
    """A bar a knob: its share of the variance of the accuracy over the space.

    Args:
        importance: knob, mean, sd (over forests that differ by their seed); shares between 0 and 1.
        search: its name.
    """
    rows = importance.sort_values("mean")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 0.9 + 0.32 * len(rows)), layout="constrained")
        axes = figure.subplots()
        axes.barh(rows["knob"], rows["mean"], xerr=rows["sd"], color=COLOURS[0], capsize=2)
        axes.set_xlabel("Share of the variance of top-1 (fANOVA)")
        axes.set_xlim(0, 1)
        axes.set_title(f"{search}: what the accuracy depends on", loc="left", fontweight="bold")
    return figure


def parallel_points(candidates: pd.DataFrame, values: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """The lines of `draw_parallel`: for each candidate that is done top1, pareto, and a height from 0 to 1 a knob.

    Args:
        candidates: top1, pareto, and a column `point.KNOB` for each knob.
        values: of each knob, in order. What a candidate has not got stands below the first.
    """
    done = candidates[candidates["top1"].notna()].sort_values("top1")
    lines = done[["top1", "pareto"]].copy()
    for knob, known in values.items():
        steps = levels(done, knob, known)
        heights = {step: i / max(1, len(steps) - 1) for i, step in enumerate(steps)}
        lines[knob] = [heights.get(_said(value), 0.0) for value in _column(done, knob)]
    return lines


def levels(candidates: pd.DataFrame, knob: str, values: Sequence[Any]) -> list[str]:
    """The names of the values of a knob, from below; first that it is not there, where a candidate has it not."""
    absent = [ABSENT] if _column(candidates, knob).isna().any() else []
    return [*absent, *map(_said, values)]


def _column(candidates: pd.DataFrame, knob: str) -> pd.Series:
    name = f"point.{knob}"
    return candidates[name] if name in candidates else pd.Series(np.nan, candidates.index)


def _said(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ABSENT
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def draw_parallel(lines: pd.DataFrame, labels: Mapping[str, Sequence[str]], search: str) -> Figure:
    """A line a candidate through its values, coloured by accuracy; the Pareto set stands out.

    Args:
        lines: of `parallel_points`.
        labels: of the heights of each knob, as `levels` has them.
        search: its name.
    """
    knobs = [name for name in labels if len(labels[name]) > 1]
    low, high = float(lines["top1"].min()), float(lines["top1"].max())
    colours = matplotlib.colormaps["viridis"]
    norm = matplotlib.colors.Normalize(low, high if high > low else low + 1)
    jitter = np.random.default_rng(0).uniform(-0.012, 0.012, (len(lines), len(knobs)))
    with matplotlib.rc_context(STYLE | {"axes.spines.left": False, "axes.spines.bottom": False}):
        figure = Figure(figsize=(1.6 * len(knobs) + 2.4, 4.4), layout="constrained")
        axes = figure.subplots()
        for row, shift in zip(lines.to_dict("records"), jitter, strict=True):
            best = bool(row["pareto"])
            axes.plot(
                range(len(knobs)), [row[knob] for knob in knobs] + shift, color=colours(norm(row["top1"])),
                lw=2.2 if best else 0.8, alpha=1.0 if best else 0.45, zorder=3 if best else 2,
            )  # fmt: skip
        for i, knob in enumerate(knobs):
            axes.axvline(i, color="0.7", lw=0.8, zorder=1)
            for j, text in enumerate(labels[knob]):
                box = {"facecolor": axes.get_facecolor(), "alpha": 0.75, "lw": 0, "pad": 1}
                height = j / max(1, len(labels[knob]) - 1)
                axes.text(i + 0.03, height, text, fontsize=8, va="center", zorder=4, bbox=box)
        axes.set_xticks(range(len(knobs)), [knob.rpartition(".")[2].replace("_", "\n") for knob in knobs])
        axes.set_yticks([])
        axes.set_xlim(-0.2, len(knobs) - 0.4)
        axes.tick_params(length=0)
        axes.set_title(f"{search}: thick lines are the Pareto set", loc="left", fontweight="bold")
        bar = figure.colorbar(matplotlib.cm.ScalarMappable(norm, colours), ax=axes, fraction=0.04, pad=0.02)
        bar.set_label("Top-1 on validation pictures (%)")
    return figure
