"""What holds of the texts of every figure: none hides another, none is cut off, none is too small to read in print."""

from itertools import combinations

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

SMALLEST = 7  # pt
SLACK = 0.5  # pixels, of rounding


def seen(figure: Figure) -> list[Text]:
    """The texts that are drawn: not those of ticks outside of an axis."""
    found = []
    for text in figure.findobj(Text):
        axes = text.axes
        hidden = not text.get_visible() or not text.get_text().strip() or (axes is not None and not axes.get_visible())
        if not hidden and text not in _unused(figure):
            found.append(text)
    return found


def _unused(figure: Figure) -> list[Text]:
    """Labels of ticks that no axis shows: of axes that are off, and of ticks beyond the limits."""
    unused = []
    for axis in figure.findobj(Axis):
        is_seen = axis.axes.get_visible() and axis.axes.axison and axis.get_visible()
        shown = axis.get_ticklabels() if is_seen else []
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            inside = low <= tick.get_loc() <= high
            unused += [label for label in (tick.label1, tick.label2) if label not in shown or not inside]
        if not axis.axes.axison:
            unused += [axis.label, axis.get_offset_text()]
    return unused


def check_texts(figure: Figure) -> None:
    """Fail where two texts overlap, one leaves the figure, or one is smaller than SMALLEST."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = seen(figure)
    assert texts
    # Of a name beside a point the letters alone: the line to the point may cross what it must.
    boxes = [(text.get_text(), Text.get_window_extent(text, canvas.get_renderer())) for text in texts]
    whole = figure.bbox
    for (name, box), text in zip(boxes, texts, strict=True):
        assert text.get_fontsize() >= SMALLEST, (name, text.get_fontsize())
        inside = box.x0 >= whole.x0 and box.y0 >= whole.y0 and box.x1 <= whole.x1 and box.y1 <= whole.y1
        assert inside, f"{name!r} leaves the figure: {box} of {whole}"
    for (one, a), (other, b) in combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= SLACK or down <= SLACK, f"{one!r} and {other!r} overlap by {across:.1f} x {down:.1f} pixels"
