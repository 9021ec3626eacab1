"""Texts of a figure: those that lie on one another, that are cut off, and that are too small, at the size saved."""

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

LEAST = 7.0  # points


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that is seen, and where, in points."""
    figure.draw_without_rendering()
    found = list(figure.texts)
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in figure.axes:
        found += _of_panel(axes)
    scale = 72 / figure.dpi
    shown = [text for text in found if text.get_visible() and text.get_text().strip()]
    assert all(text.get_fontsize() >= LEAST for text in shown), "too small to be read"
    return [(text.get_text(), _scaled(Text.get_window_extent(text), scale)) for text in shown]


def _of_panel(axes: Axes) -> list[Text]:
    found = [*axes.texts, axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title]  # type: ignore[attr-defined]
    if (legend := axes.get_legend()) is not None:
        found += [legend.get_title(), *legend.get_texts()]
    return found + _ticks(axes.xaxis) + _ticks(axes.yaxis)


def _ticks(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1 for tick in ticks if tick.label1.get_visible()]


def _scaled(box: Bbox, scale: float) -> Bbox:
    return Bbox(box.get_points() * scale)


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts of which one lies on the other."""
    return [(a, b) for (a, here), (b, there) in combinations(texts(figure), 2) if _share(here, there)]


def cut_off(figure: Figure) -> list[str]:
    """Texts that are not wholly on the picture."""
    width, height = figure.get_size_inches() * 72
    return [
        name
        for name, box in texts(figure)
        if box.x0 < -0.5 or box.y0 < -0.5 or box.x1 > width + 0.5 or box.y1 > height + 0.5
    ]


def _share(a: Bbox, b: Bbox) -> bool:
    both = Bbox.intersection(a, b)
    return both is not None and both.width > 0.3 and both.height > 0.3
