"""What all figures share: colours, markers, style, units, and how they are written to a file.

Each figure of this package is two functions: the numbers as a frame, then the drawing of it.
"""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

# Okabe and Ito's colours, told apart by colour-blind readers, with a marker each for print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"
GREY = "0.45"
# Names are of the user: a dollar sign in one is no formula.
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
UNITS = {"G": 1e9, "M": 1e6, "k": 1e3}
DPI = 150
NAME_WIDTH = 34  # characters: a longer name beside a row or a point goes on in a second line


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the name says the format. Letters stay letters in a PDF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, dpi=DPI)


def unit(count: float) -> tuple[str, float]:
    """The largest unit that a count has one of, and its size."""
    return next(((name, size) for name, size in UNITS.items() if count >= size), ("", 1.0))


def wrapped(name: object, width: int = NAME_WIDTH) -> str:
    """A text in lines of at most so many characters."""
    return textwrap.fill(str(name), width) or str(name)


def on_front(cost: pd.Series, score: pd.Series) -> pd.Series:
    """Whether no other has at most as much cost and a higher score, or less cost and the same score."""
    order = pd.DataFrame({"cost": cost, "score": score}).sort_values(["cost", "score"], ascending=[True, False])
    best = order["score"].cummax().shift()  # of those before it; NaN for the first
    return ~(order["score"] <= best).reindex(cost.index)


def marker(i: int) -> tuple[str, str]:
    """Colour and marker of the i-th of several series: the first 49 have each pair once."""
    return COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]


def log_scale(axes: Axes) -> None:
    """A logarithmic horizontal axis, with a few plain numbers."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def rows_height(names: list[str], each: float, line: float = 0.155) -> float:
    """Inches that equal rows for these names take, where the longest may have more than one line."""
    return len(names) * max([each, *(0.06 + line * (1 + name.count("\n")) for name in names)])
