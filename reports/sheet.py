"""A sheet in inches to draw diagrams on, and how wide and high texts on it are."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath

SMALL, PLAIN, LARGE = 8.0, 9.0, 11.0  # pt
LEADING = 1.35  # height of a line over the size of its letters
POINTS = 72  # an inch
INK = "0.15"
Side = Literal["left", "center", "right"]


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches, and axes over all of it: (0, 0) is bottom left."""
    figure = Figure(figsize=(width, height), facecolor="white")  # for its colours, whatever the style
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return figure, axes


def plain(text: str) -> str:
    """A text whose dollar signs are no mathematics."""
    return text.replace("$", r"\$")


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = SMALL, bold: bool = False) -> float:
    """Inches that a line takes."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return float(TextPath((0, 0), plain(text), prop=font).get_extents().width) / POINTS if text.strip() else 0.0


def widest(texts: Sequence[str], size: float = SMALL, bold: bool = False) -> float:
    """Inches that the longest of some lines takes; 0 if there are none."""
    return max((text_width(text, size, bold) for text in texts), default=0.0)


def line_height(size: float = SMALL) -> float:
    """Inches from a line to the next."""
    return LEADING * size / POINTS


def write(
    axes: Axes, x: float, y: float, text: str, size: float = SMALL, bold: bool = False, side: Side = "left"
) -> None:
    """A line of text in the middle of whose height is y; `side` says what of it is at x."""
    weight = "bold" if bold else "normal"
    axes.text(x, y, plain(text), fontsize=size, fontweight=weight, ha=side, va="center_baseline", color=INK)


def arrow(axes: Axes, *points: tuple[float, float]) -> None:
    """A thin line over some points, with a head at the last."""
    line = FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=0)
    line.set(color="0.35", lw=1.0, joinstyle="miter")
    axes.add_patch(line)
