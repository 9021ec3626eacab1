"""Feature maps: which channels are near zero, and how they are drawn."""

from dataclasses import replace

import numpy as np
import pytest
from figure_texts import check_texts
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from reports.feature_figures import (
    COLUMNS,
    FRAME,
    NEAR_ZERO,
    PLACES,
    Features,
    LayerMaps,
    ModelFeatures,
    draw_features,
    mosaic,
    near_zero,
    places,
    shown_channels,
)


@pytest.mark.parametrize(
    ("magnitudes", "dead"),
    [
        ([1.0, 1.0, 1.0, 0.0], [3]),
        ([1.0, 1.0, 1.0, 2 * NEAR_ZERO], []),
        ([0.0, 0.0, 0.0, 0.0, 1.0], [0, 1, 2, 3]),  # most are dead
        ([0.0, 0.0], [0, 1]),
        ([1.0, 1.0, 1.0, 30.0], []),  # a huge one beside those that are as they should be
    ],
)
def test_a_channel_is_near_zero_against_the_mean_of_its_layer(magnitudes: list[float], dead: list[int]) -> None:
    assert np.flatnonzero(near_zero(np.array(magnitudes))).tolist() == dead


def test_early_middle_and_late_are_as_many_as_there_are_layers() -> None:
    assert places(1) == {0: "Early"}
    assert places(2) == {0: "Early", 1: "Late"}
    assert places(14) == {0: "Early", 7: "Middle", 13: "Late"}


def test_channels_are_taken_evenly_and_each_once() -> None:
    assert shown_channels(5).tolist() == [0, 1, 2, 3, 4]
    many = shown_channels(1000)
    assert (len(many), many[0], many[-1]) == (24, 0, 999)
    assert set(np.diff(many)) <= {43, 44}


def test_a_mosaic_has_every_map_at_its_place_as_a_magnitude() -> None:
    maps = np.zeros((COLUMNS + 1, 4, 4))
    maps[COLUMNS] = -2.0
    made = mosaic(maps)
    assert np.nanmax(made[:4]) == 0
    assert (made[5:9, :4] == 1).all(), "the sign is not drawn"
    assert np.isnan(made[5:, 4:]).all() and np.isnan(made[4]).all()


def model(name: str, layers: int, channels: int, size: tuple[int, int]) -> ModelFeatures:
    rng = np.random.default_rng(0)
    shown = len(shown_channels(channels))
    maps = tuple(
        LayerMaps(
            place, f"activation {i + 1} of {layers}", rng.normal(size=(shown, *size)), np.arange(shown) == 2, 2048, 1
        )
        for i, place in places(layers).items()
    )
    return ModelFeatures(name, maps, np.linspace(0, 60, layers))


@pytest.fixture
def features() -> Features:
    models = (model("ResNet50", 49, 64, (12, 16)), model("ViT-S/16", 2, 96, (4, 4)), model("T2T-ViT-14", 4, 7, (2, 2)))
    return Features("Feature maps: cnn_to_vit at scale digits", np.zeros((16, 16, 3)), 512, models)


def frames(figure: Figure) -> int:
    found = [patch for axes in figure.axes for patch in axes.patches if isinstance(patch, Rectangle)]
    return sum(patch.get_edgecolor() == to_rgba(FRAME) for patch in found)


def test_maps_of_near_zero_channels_are_framed_and_no_others(features: Features) -> None:
    assert frames(draw_features(features)) == 3 + 2 + 3
    alive = tuple(
        replace(one, layers=tuple(replace(layer, near_zero=layer.near_zero & False) for layer in one.layers))
        for one in features.models
    )
    assert frames(draw_features(replace(features, models=alive))) == 0


def test_each_model_has_its_curve_over_its_layers(features: Features) -> None:
    figure = draw_features(features)
    (axes,) = (axes for axes in figure.axes if axes.lines)
    assert [line.get_label() for line in axes.lines] == [model.name for model in features.models]
    for line, one in zip(axes.lines, features.models, strict=True):
        assert line.get_ydata().tolist() == one.shares.tolist()
        assert (line.get_xdata()[0], line.get_xdata()[-1]) == (0, 1)


def test_no_channel_near_zero_is_said_and_not_left_to_lines_that_hide_each_other(features: Features) -> None:
    models = tuple(replace(one, shares=one.shares * 0) for one in features.models)
    figure = draw_features(replace(features, models=models))
    (axes,) = (axes for axes in figure.axes if axes.lines)
    assert [text.get_text() for text in axes.texts] == ["none in any layer"]


@pytest.mark.parametrize("rows", [1, 3, 6])
def test_no_text_hides_another_however_many_models_there_are(features: Features, rows: int) -> None:
    names = ("T2T-ViT-ResNeXt", "backbone.depth=14, backbone.mlp_ratio=3, of $\\wrong$")
    models = tuple(replace(features.models[i % 3], name=f"{names[i % 2]} {i}") for i in range(rows))
    check_texts(draw_features(replace(features, models=models, notes=("No weights in the store: ViT-Dense. " * 8,))))


def test_a_dollar_sign_in_a_name_is_drawn_as_it_is(features: Features) -> None:
    figure = draw_features(replace(features, title="a study at 5 $"))
    (title,) = (text for text in figure.findobj(Text) if "a study" in text.get_text())
    assert (title.get_text(), title.get_parse_math()) == ("a study at 5 $", False)


def test_layers_stand_below_each_other_by_their_place(features: Features) -> None:
    figure = draw_features(features)
    titles = [axes.get_title(loc="left").split(":")[0] for axes in figure.axes if axes.get_title(loc="left")]
    assert titles[:5] == [*PLACES, "Early", "Late"]


def test_the_check_of_texts_finds_what_it_is_for() -> None:
    for place, size, problem in ((0.5, 9, "overlap"), (0.99, 9, "leaves the figure"), (0.1, 6, "6")):
        figure = Figure(figsize=(4, 2))
        figure.text(0.5, 0.5, "a text")
        figure.text(place, 0.52, "another", fontsize=size)
        with pytest.raises(AssertionError, match=problem):
            check_texts(figure)
