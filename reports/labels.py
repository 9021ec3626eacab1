"""Names beside points: none lies on another name, on a point, or beyond the panel.

Each name goes to the place around its point that costs least: near, to the right rather than elsewhere, and off
lines and error bars. A name that is away from its point has a thin line to it. What is measured is the text as it is
drawn, so it holds for any names and any axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text

from reports.figures import wrapped

SIZE = 7.0  # points, of the letters
PADDING = 1.5  # points around a name: fonts of PNG, SVG and PDF differ by less
MARK = 4.0  # points, half a marker
RINGS = (3, 5, 8, 12, 17, 23, 30, 38, 47, 57, 70, 85, 105, 130, 160, 200)  # points from a marker to its name
ANGLES = np.deg2rad([0, 180, 90, 270, 30, 330, 150, 210, 60, 300, 120, 240])
LED = 5  # points: a name farther away than this has a line to its point
ON_LINE, CROSSED = 25.0, 60.0  # points of distance that it is worth to keep off a line; to cross no name or marker

Boxes = np.ndarray  # (n, 4): left, bottom, right, top, in points


@dataclass
class _Panel:
    """What is in the way of further names."""

    bounds: Boxes
    marks: Boxes
    lines: Boxes
    names: list[Boxes] = field(default_factory=list)


def name_points(axes: Axes, points: pd.DataFrame) -> list[str]:
    """Name each point of a panel; points at one place have one name together.

    Call it last, when all else is drawn: the figure's layout is computed here.

    Args:
        axes: that has the points, and lines and error bars, which names keep off if they can.
        points: model, x, y, in the units of the axes.

    Returns:
        The names for which there is no room: they are left out.
    """
    figure = axes.get_figure(root=True)
    if points.empty or figure is None:
        return []
    together = points.groupby(["x", "y"], sort=False)["model"].agg(lambda names: ", ".join(dict.fromkeys(names)))
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    places = np.array([axes.transData.transform(place) for place in together.index]) * scale
    extent = axes.get_window_extent()
    bounds = np.array([[extent.x0, extent.y0, extent.x1, extent.y1]]) * scale
    panel = _Panel(bounds, _around(places, MARK), _around(_lines(axes) * scale, 0.5))
    left_out = []
    for i in np.lexsort((places[:, 0], -places[:, 1])):
        text = wrapped(together.iloc[i])
        note = axes.annotate(
            text, together.index[i], xytext=(0, 0), textcoords="offset points", fontsize=SIZE, ha="center", va="center",
            bbox={"facecolor": axes.get_facecolor(), "alpha": 0.7, "lw": 0, "pad": 0.5},
            arrowprops={"arrowstyle": "-", "color": "0.55", "lw": 0.5, "shrinkA": 0, "shrinkB": 3},
        )  # fmt: skip
        note.set_in_layout(False)
        if (found := _place(places[i], _size(note, figure.dpi), panel)) is None:
            note.remove()
            left_out.append(text)
        else:
            _put(note, places[i], *found, _size(note, figure.dpi), panel)
    return left_out


def _place(point: np.ndarray, size: np.ndarray, panel: _Panel) -> tuple[np.ndarray, float] | None:
    """The centre of a name and its distance from its point, where it is best; None if there is no room."""
    rings, angles = (grid.ravel() for grid in np.meshgrid(RINGS, np.arange(len(ANGLES)), indexing="ij"))
    ways = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)[angles]
    centres = point + ways * (MARK + rings[:, None] + size / 2)
    boxes = np.concatenate([centres - size / 2, centres + size / 2], axis=1)
    inside = (boxes[:, :2] >= panel.bounds[0, :2]).all(1) & (boxes[:, 2:] <= panel.bounds[0, 2:]).all(1)
    names = np.array(panel.names).reshape(-1, 4)
    free = inside & ~_hits(boxes, names).any(1)
    if not free.any():
        return None
    centres, boxes, rings, angles = centres[free], boxes[free], rings[free], angles[free]
    cost = rings + 0.4 * angles + ON_LINE * np.minimum(_hits(boxes, panel.lines).sum(1) / 6, 2)
    on_mark = _hits(boxes, panel.marks).any(1)
    cost[on_mark] += 0 if on_mark.all() else np.inf
    others = np.concatenate([names, panel.marks[~_hits(np.tile(point, (1, 2)), panel.marks)[0]]])
    best, least = 0, np.inf
    for i in np.argsort(cost, kind="stable"):
        if cost[i] >= least:
            break  # its line can only make it worse
        crossed = _hits(_around(_leader(point, boxes[i]), 0.5), others).any(0).sum() if rings[i] > LED else 0
        if cost[i] + CROSSED * crossed < least:
            best, least = i, cost[i] + CROSSED * crossed
    return centres[best], float(rings[best])


def _put(
    note: Annotation, point: np.ndarray, centre: np.ndarray, distance: float, size: np.ndarray, panel: _Panel
) -> None:
    note.xyann = tuple(centre - point)
    box = np.concatenate([centre - size / 2, centre + size / 2])
    panel.names.append(box)
    if distance <= LED:
        note.arrow_patch.set_visible(False)  # type: ignore[union-attr]
    else:
        panel.lines = np.concatenate([panel.lines, _around(_leader(point, box), 0.5)])


def _size(note: Annotation, dpi: float) -> np.ndarray:
    """Width and height of a name with what is kept clear around it, in points."""
    extent = Text.get_window_extent(note)  # without the line to the point
    return np.array([extent.width, extent.height]) * 72 / dpi + 2 * PADDING


def _leader(point: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Points along the line from a point to a name."""
    end = np.clip(point, box[:2], box[2:])
    return point + np.linspace(0, 1, 1 + int(np.hypot(*(end - point)) / 3))[:, None] * (end - point)


def _lines(axes: Axes) -> np.ndarray:
    """Pixels along the lines and the error bars of a panel, some 4 apart."""
    drawn = [line for line in axes.lines if line.get_linestyle() != "None"]
    paths = [line.get_transform().transform(np.asarray(line.get_xydata())) for line in drawn]
    for bars in axes.collections:
        paths += [axes.transData.transform(np.asarray(path.vertices)) for path in bars.get_paths()]
    found = [np.zeros((0, 2))]
    for path in paths:
        for start, end in pairwise(path):
            if np.isfinite([start, end]).all():
                count = 2 + int(min(np.hypot(*(end - start)), 4000) / 4)
                found.append(np.linspace(start, end, count))
    return np.concatenate(found)


def _around(places: np.ndarray, margin: float) -> Boxes:
    return np.concatenate([places - margin, places + margin], axis=1)


def _hits(boxes: Boxes, others: Boxes) -> np.ndarray:
    """(n, m): which boxes lie on which others."""
    left, bottom, right, top = boxes.T[:, :, None]
    found = np.zeros((len(boxes), len(others)), dtype=bool)
    if not len(boxes):
        return found
    near = (others[:, 0] < right.max()) & (others[:, 2] > left.min())
    near &= (others[:, 1] < top.max()) & (others[:, 3] > bottom.min())
    x0, y0, x1, y1 = others[near].T
    found[:, near] = (left < x1) & (x0 < right) & (bottom < y1) & (y0 < top)
    return found


def told(left_out: Sequence[str]) -> str:
    """A sentence on the names that had no room; empty if all had."""
    return f"{len(left_out)} names are left out: there is no room for them" if left_out else ""
