"""Accuracy against cost: the points, and that names lie nowhere on one another."""

from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from figure_texts import check_texts
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from reports import published
from reports.accuracy_figures import COSTS, draw_accuracy, of_arms, of_table
from reports.figures import DPI, marker, on_front, save
from reports.labels import name_points, told
from reports.sheet import sheet
from reports.statistics import over_seeds

NOTHING = pd.DataFrame(columns=["group", "model", "n", "stopped", "failed", "top1", "top1_sd", "run_macs_m"])


def arms(names: list[str], groups: int = 1, spread: float = 5.0) -> pd.DataFrame:
    """Arms of two seeds whose costs and accuracies lie within `spread` points of one another."""
    draw = np.random.default_rng(0)
    rows = [
        {
            "group": f"group {i % groups}" if groups > 1 else "",
            "arm": name,
            "baseline": i < groups,
            "seed": seed,
            "status": "done",
            "top1": 80 + spread * draw.random(),
            "params": 1e5 * (1 + i % 7),
            "macs": 2e6 + 1e5 * (i % 11),
        }
        for i, name in enumerate(names)
        for seed in range(2)
    ]
    return over_seeds(pd.DataFrame(rows))


def test_the_points_of_figure_1_are_those_of_tables_2_to_4_in_their_families() -> None:
    points = of_table(3, NOTHING.assign(run_params_k=[]))
    assert list(dict.fromkeys(points["family"])) == ["ViT", "DeiT", "T2T-ViT", "ResNet", "T2T-ViT_t", "MobileNet"]
    printed = pd.concat(published.table(number) for number in (2, 3, 4))
    assert set(points["model"]) == set(printed["model"]) and not points["model"].duplicated().any()
    resnet = points.set_index("model").loc["ResNet50"]
    assert (resnet["top1"], resnet["cost"]) == (79.1, 4.3e9), "as the paper has trained it, not as it quotes it"
    assert not points["trained"].any()


def test_a_line_goes_through_the_sizes_of_a_model_and_not_through_other_trainings_of_one() -> None:
    lines = of_table(4, NOTHING.assign(run_params_k=[])).groupby("line")["model"].agg(list)
    assert lines["T2T-ViT"] == ["T2T-ViT-14", "T2T-ViT-24", "T2T-ViT-19", "T2T-ViT-7", "T2T-ViT-12"]
    assert lines["MobileNetV2"] == ["MobileNetV2 1.0x", "MobileNetV2 1.4x"]
    assert "T2T-ViT-14@384" in lines[""] and "T2T-ViT-7-Distilled" in lines[""]
    assert set(of_table(6, NOTHING.assign(run_params_k=[]))["line"]) == {""}, "a group of changes has no line"


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("number", [2, 3, 4, 6, 7])
def test_no_name_lies_on_another_in_the_papers_points(number: int, cost: str) -> None:
    rows = arms([*dict.fromkeys(published.table(number)["model"])]).rename(columns={"arm": "model"})
    points = of_table(number, rows, cost)
    figure = draw_accuracy(points, {"paper": "The paper", "run": "Here"}, cost)
    check_texts(figure)
    shown = ", ".join(text.get_text().replace("\n", " ") for text in figure.axes[0].texts)
    assert all(model in shown for model in points.loc[points["of"] == "paper", "model"])


@pytest.mark.parametrize("spread", [0.01, 20.0])
def test_no_name_lies_on_another_in_a_crowd_with_long_names(spread: float) -> None:
    names = [f"arm {i} of a study with quite a long name" if i % 5 == 0 else f"arm {i} $" for i in range(60)]
    figure = draw_accuracy(of_arms(arms(names, 9, spread)), {"run": "a study with a title that is long " * 4})
    for dpi in (72, DPI):
        figure.set_dpi(dpi)
        check_texts(figure)


def test_names_for_which_there_is_no_room_are_counted() -> None:
    figure = draw_accuracy(of_arms(arms([f"arm {i} of a study with quite a long name" for i in range(250)])))
    (axes,) = figure.axes
    notes = [text.get_text() for text in axes.texts]
    said = [text for text in notes if "left out" in text]
    assert said == [told(["x"] * (250 - (len(notes) - 1)))]
    check_texts(figure)


def test_models_at_one_place_have_one_name_together() -> None:
    figure = draw_accuracy(of_arms(arms(["a", "b"]).assign(top1=80.0, run_macs_m=1.0)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["a, b"]
    assert name_points(figure.axes[0], pd.DataFrame(columns=["model", "x", "y"])) == []


def test_the_points_of_a_study_have_the_deviation_of_their_seeds_and_one_that_failed_has_none() -> None:
    rows = arms(["a", "b", "c"]).assign(failed=[0, 1, 0])
    points = of_arms(rows, "params").set_index("model")
    assert list(points.index) == ["a", "c"]
    assert points.loc["c", ["cost", "top1_sd"]].tolist() == [3e5, rows["top1_sd"][2]]
    bars = draw_accuracy(points.reset_index(), cost="params").axes[0].collections
    ends = sorted(float(end) for bar in bars for path in bar.get_paths() for end in path.vertices[:, 1])
    assert ends == pytest.approx(sorted([*(points["top1"] - points["top1_sd"]), *(points["top1"] + points["top1_sd"])]))


def test_a_run_of_the_papers_models_on_its_data_shares_the_axis_with_the_paper() -> None:
    rows = arms(["T2T-ViT-14"]).assign(run_macs_m=4800.0).rename(columns={"arm": "model"})
    (axes,) = draw_accuracy(of_table(3, rows), comparable=True).axes
    assert axes.get_xlabel() == "MACs (G)"
    assert len(axes.texts) == len(set(published.table(2)["model"]) | set(published.table(3)["model"])) + 9


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_figure_is_written_in_each_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "folder" / f"x{suffix}"
    save(draw_accuracy(of_arms(arms(["a", "b"]))), path)
    assert path.read_bytes()[:5] == {".png": b"\x89PNG\r", ".svg": b"<?xml", ".pdf": b"%PDF-"}[suffix]


def test_no_two_series_look_alike() -> None:
    assert len({marker(i) for i in range(49)}) == 49


def test_the_front_has_no_point_that_costs_more_and_reaches_less() -> None:
    found = on_front(pd.Series([1, 2, 3, 3]), pd.Series([50.0, 40.0, 60.0, 55.0]))
    assert found.tolist() == [True, False, True, False]


def test_names_and_diagrams_can_be_read_in_a_dark_style() -> None:
    with matplotlib.style.context("dark_background"):
        axes = Figure().subplots()
        axes.plot([0, 1], [0, 1])
        name_points(axes, pd.DataFrame({"x": [0.5], "y": [0.2], "model": ["m"]}))
        (name,) = axes.texts
        diagram, _ = sheet(1, 1)
    box = name.get_bbox_patch()
    assert box is not None
    assert box.get_facecolor()[:3] == axes.get_facecolor()[:3] != to_rgb(name.get_color())
    assert diagram.get_facecolor()[:3] == (1, 1, 1), "its letters are dark whatever the style"
