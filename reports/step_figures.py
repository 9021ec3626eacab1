"""The Tokens-to-Token step: tokens to an image, overlapping windows, tokens. The sizes, then the drawing.

Source: Yuan et al., arXiv 2101.11986, figure 3. Here the windows are drawn to scale, in the corner of the padded map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures import COLOURS
from reports.sheet import LARGE, PLAIN, SMALL, arrow, line_height, sheet, text_width, widest, write

MARGIN, SIDE, ROW = 0.25, 1.35, 0.5  # inches: of a map; between rows
BARS = 8  # tokens that are drawn
MOST_LINES = 40  # cells a side that lines are drawn between
WINDOWS = (COLOURS[0], COLOURS[1], COLOURS[2])
KEY = ("A window and its token", "have the same colour.")
MAP, PADDING, TOKEN = "#E4E4E4", "#FFFFFF", "0.72"


@dataclass(frozen=True)
class Split:
    """A soft split of a map, and what maps its tokens to the next width.

    Attributes:
        rows: of the map.
        columns: of the map.
        channels: of the map.
        kernel: side of a window.
        stride: from a window to the next.
        padding: on each side of the map.
        grid: rows and columns of windows, a token each.
        mapped_by: what maps the tokens, a mixer or a linear map.
        mapped_to: their width then.
    """

    rows: int
    columns: int
    channels: int
    kernel: int
    stride: int
    padding: int
    grid: tuple[int, int]
    mapped_by: str
    mapped_to: int

    @property
    def tokens(self) -> int:
        """How many windows there are."""
        return self.grid[0] * self.grid[1]

    @property
    def width(self) -> int:
        """Values in a window: the width of a token before it is mapped."""
        return self.channels * self.kernel**2

    @property
    def shared(self) -> int:
        """Rows or columns that neighbouring windows have in common."""
        return max(0, self.kernel - self.stride)


@dataclass(frozen=True)
class Step:
    """The soft splits of a model, the first on its picture, each other on the tokens of the one before."""

    title: str
    subtitle: str
    splits: tuple[Split, ...]


def draw_step(step: Step) -> Figure:
    """A row for each soft split: tokens, reshaped to a map, cut into overlapping windows, which are tokens again.

    The first windows of a map have a colour each, and their tokens the same.
    """
    splits = step.splits
    first, second = _arrow_texts(splits)
    gaps = widest(first) + 0.35, widest(second) + 0.35
    widths = [max(SIDE, *(widest(_under(split)[part], bold=True) + 0.1 for split in splits)) for part in range(3)]
    widths[0] = max(widths[0], widest(KEY))
    end = splits[-1]
    ends = f"{end.mapped_by}, {end.width} → {end.mapped_to}: {end.tokens:,} tokens for the transformer layers"
    head = line_height(LARGE) + line_height(SMALL) + 0.15
    high = SIDE + 3 * line_height(SMALL) + 0.1
    inside = max(sum(widths) + sum(gaps), text_width(step.title, LARGE, bold=True), text_width(step.subtitle), 3.6)
    height = 2 * MARGIN + head + len(splits) * (high + ROW)
    figure, axes = sheet(2 * MARGIN + inside, height)
    write(axes, MARGIN, height - MARGIN - line_height(LARGE) / 2, step.title, LARGE, bold=True)
    write(axes, MARGIN, height - MARGIN - line_height(LARGE) - line_height(SMALL) / 2, step.subtitle)
    middles = [MARGIN + widths[0] / 2, MARGIN + widths[0] + gaps[0] + widths[1] / 2]
    middles.append(middles[1] + widths[1] / 2 + gaps[1] + widths[2] / 2)
    longest = max(max(split.width, split.mapped_to) for split in splits)
    top = height - MARGIN - head
    for i, split in enumerate(splits):
        centre = top - SIDE / 2
        tokens_under, map_under, windows_under = _under(split)
        if i:
            _bars(axes, middles[0], centre, split.channels / longest, split.rows * split.columns)
            _lines(axes, middles[0], top - SIDE, tokens_under)
            _between(axes, middles[0], middles[1], centre, first)
        else:
            _lines(axes, middles[0], centre + line_height(SMALL), KEY, bold=0)
        _map(axes, middles[1], centre, split)
        _lines(axes, middles[1], top - SIDE, map_under)
        _between(axes, middles[1], middles[2], centre, second[2 * i : 2 * i + 2])
        _bars(axes, middles[2], centre, split.width / longest, split.tokens, _coloured(split))
        _lines(axes, middles[2], top - SIDE, windows_under)
        turn, last = top - high - ROW * 0.5, i == len(splits) - 1
        text = ends if last else f"{split.mapped_by}, {split.width} → {split.mapped_to}"
        target = (middles[0], turn) if last else (middles[0], top - high - ROW + 0.02)
        corner = [] if last else [(middles[0], turn)]
        arrow(axes, (middles[2], top - high + 0.04), (middles[2], turn), *corner, target)
        write(axes, (middles[0] + middles[2]) / 2, turn + line_height(PLAIN) * 0.62, text, PLAIN, True, "center")
        top -= high + ROW
    return figure


def _under(split: Split) -> tuple[list[str], list[str], list[str]]:
    """What stands under the tokens, the map and the windows of a row."""
    count = f"{split.rows * split.columns:,} tokens of {split.channels}"
    padded = f"top left, {f'with padding {split.padding}' if split.padding else 'no padding'}"
    windows = f"{split.grid[0]} × {split.grid[1]} windows"
    tokens = f"{split.tokens:,} tokens of {split.width}"
    return [count], [f"{split.rows} × {split.columns} × {split.channels}", padded], [tokens, windows, _values(split)]


def _values(split: Split) -> str:
    return f"each {split.kernel} × {split.kernel} × {split.channels} values"


def _arrow_texts(splits: tuple[Split, ...]) -> tuple[list[str], list[str]]:
    """Above and below the arrow from tokens to map, and of each arrow from map to windows."""
    soft = []
    for split in splits:
        overlap = f"neighbours share {split.shared}" if split.shared else "no overlap"
        soft += ["soft split", f"{split.kernel} × {split.kernel}, stride {split.stride}; {overlap}"]
    return ["reshape", "(re-structurisation)"], soft


def _between(axes: Axes, left: float, right: float, y: float, texts: list[str]) -> None:
    """An arrow from a thing to the next, with a text above it and one below."""
    start, end = left + SIDE / 2 + 0.08, right - SIDE / 2 - 0.08
    arrow(axes, (start, y), (end, y))
    above, below = texts
    write(axes, (start + end) / 2, y + line_height(PLAIN) * 0.62, above, PLAIN, True, "center")
    write(axes, (start + end) / 2, y - line_height(SMALL) * 0.75, below, side="center")


def _lines(axes: Axes, x: float, y: float, lines: Sequence[str], bold: int = 1) -> None:
    """Lines under a thing, the first `bold` of them in bold."""
    for i, line in enumerate(lines):
        write(axes, x, y - 0.06 - line_height(SMALL) * (i + 0.5), line, side="center", bold=i < bold)


def _coloured(split: Split) -> dict[int, str]:
    """The colour of the bars that are tokens of the windows that are drawn.

    Where not all tokens are drawn, the bar after the first dots is that of the second row's first window.
    """
    second = split.grid[1] if split.tokens <= BARS else 3
    return {0: WINDOWS[0], second: WINDOWS[2]} | ({1: WINDOWS[1]} if split.grid[1] > 1 else {})


def _bars(axes: Axes, x: float, y: float, share: float, count: int, colours: Mapping[int, str] | None = None) -> None:
    """Tokens as bars, dots for those that are left out; a length is the root of the share of the greatest width."""
    length, slot = max(0.16, SIDE * share**0.5), SIDE / BARS
    for i in range(min(BARS, count)):
        middle = y + SIDE / 2 - slot * (i + 0.5)
        if count > BARS and i in (2, 6):
            axes.plot([x - 0.06, x, x + 0.06], [middle] * 3, "o", color="0.5", ms=1.6)
            continue
        colour = (colours or {}).get(i, TOKEN)
        axes.add_patch(Rectangle((x - length / 2, middle - slot * 0.36), length, slot * 0.72, fc=colour, ec="none"))


def _map(axes: Axes, x: float, y: float, split: Split) -> None:
    """The corner of a padded map, to scale, with the first windows: two of the first row and one of the second."""
    down, across = split.rows + 2 * split.padding, split.columns + 2 * split.padding
    seen = split.kernel + split.stride + max(1, split.stride // 2)
    rows, columns = min(down, seen), min(across, seen)
    cell = SIDE / max(rows, columns)
    left, top = x - columns * cell / 2, y + rows * cell / 2

    def area(row: float, column: float, height: float, width: float, **style: object) -> None:
        at = (left + column * cell, top - (row + height) * cell)
        axes.add_patch(Rectangle(at, width * cell, height * cell, **style))  # type: ignore[arg-type]

    area(0, 0, rows, columns, fc=PADDING, ec="0.6", lw=0.6, ls=":")
    inner = min(rows - split.padding, split.rows), min(columns - split.padding, split.columns)
    area(split.padding, split.padding, *inner, fc=MAP, ec="none")
    if max(rows, columns) <= MOST_LINES:
        for i in range(1, rows):
            axes.plot([left, left + columns * cell], [top - i * cell] * 2, color="0.8", lw=0.4, zorder=1.5)
        for i in range(1, columns):
            axes.plot([left + i * cell] * 2, [top, top - rows * cell], color="0.8", lw=0.4, zorder=1.5)
    places = [(0, 0, WINDOWS[0])]
    places += [(0, split.stride, WINDOWS[1])] if split.grid[1] > 1 else []
    places += [(split.stride, 0, WINDOWS[2])] if split.grid[0] > 1 else []
    for row, column, colour in places:
        area(row, column, split.kernel, split.kernel, fc=colour, alpha=0.22, ec="none", zorder=2)
        area(row, column, split.kernel, split.kernel, fill=False, ec=colour, lw=1.6, zorder=3)
