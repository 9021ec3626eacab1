"""A model as boxes with arrows between them: the boxes, then the drawing.

Source: Yuan et al., arXiv 2101.11986, figure 4, whose parts stand side by side in the same order: tokens, layers, head.
"""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from reports.sheet import LARGE, PLAIN, SMALL, arrow, line_height, sheet, text_width, widest, write

# Light, so that text is read on them in print; what a box is its text says too.
TINTS = {"data": "#FFFFFF", "tokens": "#D6E8F5", "mix": "#FBE3CC", "layers": "#D2EDE3", "head": "#F3E0EC"}
MARGIN, PAD, GAP, GUTTER = 0.2, 0.11, 0.36, 0.34  # inches
BESIDE, BETWEEN, BOTTOM = 0.09, 0.14, 0.26  # from an arrow to its text, between frames, below the last box of one
MOST_BOXES = 9  # in a column


@dataclass(frozen=True)
class Box:
    """A part of a model.

    Attributes:
        title: what it is.
        lines: what it is made of.
        kind: a name of TINTS.
        gives: shape of what it gives to the next box; "" if that is not known.
    """

    title: str
    lines: tuple[str, ...] = ()
    kind: str = "data"
    gives: str = ""


@dataclass(frozen=True)
class Group:
    """Boxes that belong together, in a frame."""

    title: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Diagram:
    """A model: its groups, what comes first on the left."""

    title: str
    subtitle: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class _Frame:
    """A group, or a part of one that is too high, with its size in inches.

    Attributes:
        enters: shape of what comes into its first box.
        above: inches between its title and its first box.
    """

    title: str
    boxes: tuple[Box, ...]
    enters: str
    above: float
    width: float
    height: float


def draw_diagram(diagram: Diagram) -> Figure:
    """A frame for each group, arrows from box to box, and on them the shapes of what they carry.

    Groups stand side by side; one that fits below the one before it, beside a higher one, stands there.
    """
    frames = _frames(diagram)
    tallest = max(frame.height for frame in frames)
    columns: list[list[_Frame]] = []
    for frame in frames:
        if columns and _fits_below(columns[-1], frame, tallest):
            columns[-1].append(frame)
        else:
            columns.append([frame])
    widths = [max(frame.width for frame in column) for column in columns]
    inside = sum(widths) + GUTTER * (len(columns) - 1)
    titles = text_width(diagram.title, LARGE, bold=True), text_width(diagram.subtitle, SMALL)
    head = line_height(LARGE) + line_height(SMALL) + 0.1
    top = MARGIN + tallest
    figure, axes = sheet(2 * MARGIN + max(inside, *titles), top + head + MARGIN)
    write(axes, MARGIN, top + head - line_height(LARGE) / 2, diagram.title, LARGE, bold=True)
    write(axes, MARGIN, top + head - line_height(LARGE) - line_height(SMALL) / 2, diagram.subtitle)
    left, came = MARGIN, None
    for column, width in zip(columns, widths, strict=True):
        y = top
        for frame in column:
            came = _draw_frame(axes, frame, left, y, width, came)
            y -= frame.height + BETWEEN
        left += width + GUTTER
    return figure


def _fits_below(column: list["_Frame"], frame: "_Frame", most: float) -> bool:
    """Whether a frame has room below others; its title must stand beside the arrow that comes in the middle."""
    height = sum(other.height + BETWEEN for other in column) + frame.height
    width = max(other.width for other in (*column, frame))
    return height <= most and text_width(frame.title, PLAIN, bold=True) + 2 * PAD < width / 2


def _frames(diagram: Diagram) -> list[_Frame]:
    """Where a group has more than MOST_BOXES it is several frames of much the same height."""
    made: list[_Frame] = []
    for group in diagram.groups:
        most = -(-len(group.boxes) // -(-len(group.boxes) // MOST_BOXES))
        for start in range(0, len(group.boxes), most):
            title = f"{group.title}, continued" if start else group.title
            made.append(_sized(title, group.boxes[start : start + most], made[-1].boxes[-1].gives if made else ""))
    return made


def _sized(title: str, boxes: tuple[Box, ...], enters: str) -> _Frame:
    texts = widest([line for box in boxes for line in box.lines]), widest([box.title for box in boxes], PLAIN, True)
    on_arrows = 2 * (widest([enters, *(box.gives for box in boxes)]) + BESIDE)  # right of the middle
    width = max(*texts, text_width(title, PLAIN, bold=True), on_arrows) + 4 * PAD
    above = GAP if enters else 0.1  # the first box is under its group's title, or under an arrow
    height = PAD + line_height(PLAIN) + above + sum(_height(box) + GAP for box in boxes) - GAP + BOTTOM
    return _Frame(title, boxes, enters, above, width, height)


def _height(box: Box) -> float:
    return line_height(PLAIN) + len(box.lines) * line_height(SMALL) + 2 * PAD * 0.6


def _draw_frame(
    axes: Axes, frame: _Frame, left: float, top: float, width: float, came: tuple[float, float] | None
) -> tuple[float, float]:
    """A frame with its boxes, and the arrow into it from `came`, if anywhere; where its last box ends is returned."""
    _round(axes, left, top - frame.height, width, frame.height, "#F5F5F5", "0.75")
    write(axes, left + PAD, top - PAD - line_height(PLAIN) / 2, frame.title, PLAIN, bold=True)
    middle, y, carried = left + width / 2, top - PAD - line_height(PLAIN), frame.enters
    for i, box in enumerate(frame.boxes):
        below = y - (GAP if i else frame.above)
        if i:
            arrow(axes, (middle, y), (middle, below))
        elif came is not None and came[0] == middle:
            arrow(axes, came, (middle, below))
        elif came is not None:
            start, gutter, turn = came, left - GUTTER / 2, y - 0.04
            low = start[1] - GAP / 2
            arrow(axes, start, (start[0], low), (gutter, low), (gutter, turn), (middle, turn), (middle, below))
        write(axes, middle + BESIDE, (y + below) / 2 - (0 if i else 0.03), carried)
        y = below - _height(box)
        _draw_box(axes, box, left + PAD, y, width - 2 * PAD)
        carried = box.gives
    return middle, y


def _draw_box(axes: Axes, box: Box, left: float, bottom: float, width: float) -> None:
    height = _height(box)
    _round(axes, left, bottom, width, height, TINTS[box.kind], "0.35")
    y = bottom + height - PAD * 0.6 - line_height(PLAIN) / 2
    write(axes, left + width / 2, y, box.title, PLAIN, bold=True, side="center")
    y -= line_height(PLAIN) / 2 + line_height(SMALL) / 2
    for line in box.lines:
        write(axes, left + width / 2, y, line, side="center")
        y -= line_height(SMALL)


def _round(axes: Axes, left: float, bottom: float, width: float, height: float, fill: str, edge: str) -> None:
    style = "round,pad=0,rounding_size=0.05"
    axes.add_patch(FancyBboxPatch((left, bottom), width, height, boxstyle=style, fc=fill, ec=edge, lw=0.8))
