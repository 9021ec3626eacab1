"""A study as figures: training curves, and differences from the baseline. Each is the numbers, then the drawing."""

import math

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures import COLOURS, GREY, STYLE, rows_height, wrapped

ACROSS = 3  # panels beside one another
DASHES = ("-", "--", ":", "-.")
FOUND = {"higher": COLOURS[0], "lower": COLOURS[1]}  # by verdict; else grey


def curves(history: pd.DataFrame, measure: str = "top1") -> pd.DataFrame:
    """The lines of `draw_curves`: group, arm, epoch, mean, low, high (of the seeds), n.

    Args:
        history: a row an epoch of a trial: group, arm, seed, epoch, and the measure.
        measure: top1 (%), loss or train_loss.
    """
    rows = history[history[measure].notna()].groupby(["group", "arm", "epoch"], sort=False)[measure]
    return rows.agg(mean="mean", low="min", high="max", n="count").reset_index()


def draw_curves(lines: pd.DataFrame, title: str, label: str = "Top-1 (%)") -> Figure:
    """A panel for each group, a line for the mean of each arm in a band from its lowest to its highest seed."""
    groups = list(lines.groupby("group", sort=False))
    columns = min(ACROSS, len(groups))
    rows = math.ceil(len(groups) / columns)
    legend = max(_legend_size([wrapped(arm) for arm in part["arm"].unique()])[1] for _, part in groups)
    with matplotlib.rc_context(STYLE):
        size = (max(6.0, 5.4 * columns), 0.3 + rows * (3.9 + legend))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for axes, (group, part) in zip(panels.flat, groups, strict=False):
            _curves(axes, part)
            axes.set_title(wrapped(group, 60), loc="left")
        for axes in panels.flat[len(groups) :]:
            axes.set_visible(False)
        for axes in panels[:, 0]:
            axes.set_ylabel(f"{label}, mean and range of the seeds")
        figure.suptitle(wrapped(title, 60), x=0.01, ha="left", fontweight="bold")
    return figure


def _curves(axes: Axes, part: pd.DataFrame) -> None:
    for i, (arm, line) in enumerate(part.groupby("arm", sort=False)):
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
        line = line.sort_values("epoch")
        dot = "o" if len(line) == 1 else ""
        axes.plot(line["epoch"], line["mean"], dash, color=colour, marker=dot, label=wrapped(arm))
        axes.fill_between(line["epoch"], line["low"], line["high"], color=colour, alpha=0.15, lw=0)
    axes.set_xlabel("Epoch")
    axes.grid(alpha=0.25)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    columns, _ = _legend_size([wrapped(arm) for arm in part["arm"].unique()])
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.13), ncols=columns)


def _legend_size(names: list[str]) -> tuple[int, float]:
    """Columns of the legend below a panel, and its height in inches."""
    longest = max(len(line) for name in names for line in name.split("\n"))
    columns = max(1, int(66 / (longest + 8)))
    return columns, rows_height(names, 0.19, 0.13) / len(names) * math.ceil(len(names) / columns)


def differences(arms: pd.DataFrame) -> pd.DataFrame:
    """The rows of `draw_differences`: group, arm, delta (points), ci (half width), verdict, n; those that have both.

    Args:
        arms: as `statistics.over_seeds` gives them.
    """
    rows = arms[arms["delta"].notna() & arms["ci"].notna() & ~arms["baseline"].astype(bool)]
    return rows[["group", "arm", "delta", "ci", "verdict", "n"]].reset_index(drop=True)


def draw_differences(rows: pd.DataFrame, baselines: dict[str, str], title: str) -> Figure:
    """A forest plot: each arm's difference from its baseline with its interval, a panel for each group.

    Args:
        rows: of `differences`.
        baselines: name of each group's baseline.
        title: of the figure.
    """
    groups = list(rows.groupby("group", sort=False))
    row = rows_height([wrapped(arm) for arm in rows["arm"]], 0.34) / len(rows)
    heights = [row * len(part) for _, part in groups]
    shares = [height + row for height in heights]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.1 + sum(height + 0.75 for height in heights)), layout="constrained")
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=shares)
        for axes, (group, part) in zip(panels[:, 0], groups, strict=True):
            _forest(axes, part)
            name = str(group)
            against = f"{name}: against {baselines.get(name, 'the baseline')}".lstrip(": ")
            axes.set_title(wrapped(against, 46), loc="left")
        panels[-1, 0].set_xlabel("Difference of top-1 (points), interval that the verdict is read from")
        figure.suptitle(wrapped(title, 60), x=0.01, ha="left", fontweight="bold")
    return figure


def _forest(axes: Axes, part: pd.DataFrame) -> None:
    axes.axvline(0, color="0.3", lw=0.8)
    for y, row in enumerate(part.iloc[::-1].to_dict("records")):
        colour = FOUND.get(row["verdict"], GREY)
        marker = {"higher": ">", "lower": "<"}.get(row["verdict"], "o")
        axes.errorbar(row["delta"], y, xerr=row["ci"], fmt=marker, color=colour, capsize=3, lw=1.4, ms=5)
    axes.set_yticks(range(len(part)), [wrapped(arm) for arm in part["arm"].iloc[::-1]])
    axes.set_ylim(-0.6, len(part) - 0.4)
    axes.grid(axis="x", alpha=0.25)


def trials(results: pd.DataFrame) -> pd.DataFrame:
    """The points of `draw_trials`, a row a finished trial: group, arm, seed, trial, top1 (%), seconds."""
    done = results[results["status"] == "done"]
    return done[["group", "arm", "seed", "trial", "top1", "seconds"]].reset_index(drop=True)


def draw_trials(points: pd.DataFrame, title: str) -> tuple[Figure, list[str]]:
    """Every trial as a point in the row of its arm, with the mean of the arm; and a text a point, to hover over.

    The points have the gid `trials`, and the order of the texts.
    """
    keys: list[tuple[str, str]] = list(zip(points["group"], points["arm"], strict=True))
    arms = list(dict.fromkeys(keys))
    places = {key: len(arms) - 1 - i for i, key in enumerate(arms)}
    several = points["group"].nunique() > 1
    names = [wrapped(f"{arm}  ({group})" if several else arm) for group, arm in arms]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.2 + rows_height(names, 0.3)), layout="constrained")
        axes = figure.subplots()
        marks = axes.scatter(points["top1"], [places[key] for key in keys], s=26, color=COLOURS[0], alpha=0.7, lw=0)
        marks.set_gid("trials")
        means = points.groupby(["group", "arm"], sort=False)["top1"].mean()
        axes.scatter(means, [places[key] for key in means.index], marker="|", s=220, color="0.2", lw=1.5)
        axes.set_yticks([places[key] for key in arms], names)
        axes.set_ylim(-0.7, len(arms) - 0.3)
        axes.set_xlabel("Top-1 (%) of each seed; the line is the mean")
        axes.grid(axis="x", alpha=0.25)
        figure.suptitle(wrapped(title, 60), x=0.01, ha="left", fontweight="bold")
    texts = [
        f"{row['arm']}, seed {row['seed']}: top-1 {row['top1']:.2f} %, {row['seconds']:.0f} s, trial {row['trial']}"
        for row in points.to_dict("records")
    ]
    return figure, texts
