"""Feature maps of trained models, and how many of their channels are near zero: the numbers, then the drawing.

Source: Yuan et al., arXiv 2101.11986, figure 2. Differences: channels are taken evenly and not chosen by eye, near zero
is a rule and not a judgement, and its share is counted in every layer.
"""

from dataclasses import dataclass
from textwrap import fill
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec
from matplotlib.patches import Rectangle

from reports.figures import COLOURS, MARKERS, STYLE

NEAR_ZERO = 0.05  # of the mean of a layer's channels
SHOWN = 24  # channels of a layer
COLUMNS = 6
WIDTH = 8.4  # inches: of a page, nearly, so that texts are as large in print
NAME, ENTRY, LINE = 14, 26, 130  # most characters of a name beside its row, in the legend, of a line below all
BRIGHTEST = 99  # percentile of a layer's magnitudes that is white
FRAME = "#F03B20"  # red, and as light as vermilion, so that it is seen on black by all
PLACES = ("Early", "Middle", "Late")


@dataclass(frozen=True)
class LayerMaps:
    """Maps of one picture in one layer.

    Attributes:
        place: which of PLACES it is.
        name: of the layer, for people.
        maps: (shown, H, W) values of the channels that are shown.
        near_zero: (shown,) bool, which of these are near zero over all pictures.
        channels: that the layer has.
        dead: how many of all channels are near zero.
    """

    place: str
    name: str
    maps: np.ndarray
    near_zero: np.ndarray
    channels: int
    dead: int


@dataclass(frozen=True)
class ModelFeatures:
    """A trained model: maps of an early, a middle and a late layer, and the share of dead channels in every layer (%).

    Attributes:
        name: of the model, for people.
        layers: at most three, the first to the last.
        shares: (layers of the model,) in %.
    """

    name: str
    layers: tuple[LayerMaps, ...]
    shares: np.ndarray


@dataclass(frozen=True)
class Features:
    """What `draw_features` draws.

    Attributes:
        title: of the figure.
        picture: (H, W) or (H, W, 3), any values.
        pictures: over how many channels were measured.
        models: a row each.
        notes: lines below the figure.
    """

    title: str
    picture: np.ndarray
    pictures: int
    models: tuple[ModelFeatures, ...]
    notes: tuple[str, ...] = ()


def near_zero(magnitudes: np.ndarray) -> np.ndarray:
    """Which channels of a layer are near zero, (C,) bool.

    Those whose root mean square, over all positions of many pictures, is less than NEAR_ZERO times the mean of the
    layer's channels; in a layer that is zero everywhere, all. Against the mean rather than the largest, so that one
    huge channel does not make all others near zero, and rather than the median, which is zero where most are dead.

    Args:
        magnitudes: (C,) root mean square of each channel.
    """
    return (magnitudes < NEAR_ZERO * magnitudes.mean()) | (magnitudes == 0)


def shown_channels(count: int) -> np.ndarray:
    """Indices of the channels that are shown of so many: evenly spaced, the first and the last among them."""
    return np.linspace(0, count - 1, min(count, SHOWN)).round().astype(int)


def places(layers: int) -> dict[int, str]:
    """Indices of the early, the middle and the late layer of so many; two have no middle, and one is early."""
    early, middle, late = PLACES
    return {0: early} | ({layers // 2: middle} if layers > 2 else {}) | ({layers - 1: late} if layers > 1 else {})


def draw_features(features: Features) -> Figure:
    """A row for each model: grids of maps of its layers; beside them the picture and the share of dead channels.

    The brightness of a map is the magnitude of its values: black is zero, white the 99th percentile of what is shown of
    the layer. Maps of channels that are near zero are framed red.
    """
    rows = len(features.models)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, max(4.2, 1.55 * rows + 0.9)), layout="constrained")
        sides = figure.add_gridspec(1, 2, width_ratios=[3.1, 1], wspace=0.06)
        grid = GridSpecFromSubplotSpec(rows, len(PLACES), sides[0], hspace=0.02, wspace=0.02)
        for row, model in enumerate(features.models):
            for layer in model.layers:
                column = PLACES.index(layer.place)
                axes = figure.add_subplot(grid[row, column])
                _draw_layer(axes, layer)
                if column == 0:
                    name = fill(model.name, NAME)
                    axes.set_ylabel(name, fontweight="bold", fontsize=8, labelpad=6, loc="top")
        _draw_side(figure, sides[1], features)
        figure.suptitle(features.title, x=0.01, ha="left", fontweight="bold")
        below = [_legend(features.pictures), *features.notes]
        figure.supxlabel("\n".join(fill(line, LINE) for line in below), x=0.01, ha="left", fontsize=8)
    return figure


def mosaic(maps: np.ndarray, gap: float = 0.08) -> np.ndarray:
    """Maps (n, H, W) side by side in rows of COLUMNS, as magnitudes from 0 to 1; NaN between and after them."""
    count, height, width = maps.shape
    between = _between(height, width, gap)
    rows = -(-count // COLUMNS)
    columns = min(count, COLUMNS)
    made = np.full((rows * (height + between) - between, columns * (width + between) - between), np.nan)
    magnitudes = np.abs(maps)
    magnitudes = np.clip(magnitudes / (np.percentile(magnitudes, BRIGHTEST) or magnitudes.max() or 1.0), 0, 1)
    for i, values in enumerate(magnitudes):
        top, left = _corner(i, height, width, between)
        made[top : top + height, left : left + width] = values
    return made


def _draw_layer(axes: Axes, layer: LayerMaps) -> None:
    # Small maps are drawn larger, so that a gap is no wider than a part of a map.
    enlarged = max(1, round(16 / min(layer.maps.shape[1:])))
    maps = layer.maps.repeat(enlarged, 1).repeat(enlarged, 2)
    _, height, width = maps.shape
    axes.imshow(np.ma.masked_invalid(mosaic(maps)), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    between = _between(height, width, 0.08)
    for i in np.flatnonzero(layer.near_zero):
        top, left = _corner(int(i), height, width, between)
        axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, ec=FRAME, lw=1.4, clip_on=False))
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    rows, columns = layer.maps.shape[1:]
    text = f"{layer.place}: {layer.name}\n{rows} × {columns}; near zero: {layer.dead} of {layer.channels}"
    axes.set_title(text, loc="left", fontsize=8, pad=3)


def _draw_side(figure: Figure, place: SubplotSpec, features: Features) -> None:
    grid = GridSpecFromSubplotSpec(2, 1, place, height_ratios=[1, 2.4])
    axes = figure.add_subplot(grid[0])
    picture = features.picture - features.picture.min()
    axes.imshow(picture / (picture.max() or 1.0), cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    axes.set_title("The test picture", fontsize=9)
    axes = figure.add_subplot(grid[1])
    for i, model in enumerate(features.models):
        depth = np.linspace(0, 1, len(model.shares)) if len(model.shares) > 1 else np.zeros(1)
        (line,) = axes.plot(depth, model.shares, label=fill(model.name, ENTRY), clip_on=False, zorder=3, ms=4, lw=1.3)
        line.set(color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)])
    axes.tick_params(labelsize=8)
    axes.set_xticks([0, 0.5, 1], ["first", "layer", "last"])
    sides: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")
    for label, side in zip(axes.get_xticklabels(), sides, strict=True):
        label.set_horizontalalignment(side)
    if not any(model.shares.any() for model in features.models):
        axes.annotate("none in any layer", (0.5, 0.5), xycoords="axes fraction", ha="center", color="0.35")
    axes.set_ylim(0, max(5.0, *(1.08 * float(model.shares.max()) for model in features.models)))
    axes.set_title("Channels near zero (%)", loc="left", fontsize=9)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1))


def _legend(pictures: int) -> str:
    return (
        f"Framed red: near zero, root mean square over {pictures:,} test pictures below {100 * NEAR_ZERO:g} % of the "
        f"mean of the layer's channels. Brightness: magnitude, from zero to the {BRIGHTEST}th percentile of a grid."
    )


def _between(height: int, width: int, gap: float) -> int:
    return max(1, round(gap * min(height, width)))


def _corner(index: int, height: int, width: int, between: int) -> tuple[int, int]:
    """Top and left of a map."""
    return index // COLUMNS * (height + between), index % COLUMNS * (width + between)
