"""The Tokens-to-Token step: its sizes are those of the module, and its figure can be read."""

from pathlib import Path

import pytest
import torch
from figure_texts import check_texts
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from reports.step_figures import BARS, TOKEN, WINDOWS, draw_step
from searchspace.build import build
from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.spec import TransformerSpec
from studies.language.catalog import names
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.reporting.asked import Asked
from studies.reporting.steps import has_soft_splits, step, step_of
from studies.store.store import Store

T2T = preset("t2t_vit_14")
SPECS = {
    "as the paper": T2T,
    "one split": override(T2T, {"tokenizer.splits": [[16, 16, 0]], "tokenizer.mixer": "none"}),
    "few tokens": override(T2T, {"img_size": [32, 64], "tokenizer.token_dim": 8}),
    "a column of tokens": override(T2T, {"img_size": [64, 16]}),
    "windows apart": override(T2T, {"tokenizer.splits": [[2, 4, 0], [64, 16, 32]], "tokenizer.token_dim": 8}),
    "many splits": override(T2T, {"tokenizer.splits": [[3, 1, 1]] * 5, "img_size": 16, "tokenizer.token_dim": 1024}),
}


def test_the_sizes_of_the_paper_are_those_of_its_figure() -> None:
    found = [
        (split.rows, split.channels, split.grid, split.width, split.mapped_to, split.shared)
        for split in step_of(T2T, "T2T-ViT-14").splits
    ]
    assert found == [
        (224, 3, (56, 56), 147, 64, 3),
        (56, 64, (28, 28), 576, 64, 1),
        (28, 64, (14, 14), 576, 384, 1),
    ]


@pytest.mark.parametrize("name", ["few tokens", "one split", "windows apart"])
def test_sizes_are_those_of_the_module(name: str) -> None:
    spec = SPECS[name]
    assert isinstance(spec, TransformerSpec)
    tokenizer, seen = build(spec).tokenizer.eval(), []
    for module in tokenizer.soft_splits:
        module.register_forward_hook(lambda _, inputs, out: seen.append((*inputs[0].shape[1:], *out.shape[1:])))
    with torch.inference_mode():
        last = tokenizer(torch.zeros(1, spec.in_chans, *spec.img_size))
    splits = step_of(spec, name).splits
    assert [(s.channels, s.rows, s.columns, s.tokens, s.width) for s in splits] == seen
    assert (splits[-1].tokens, splits[-1].mapped_to) == tuple(last.shape[1:])


def rectangles(name: str, colours: tuple[str, ...]) -> list[Rectangle]:
    (axes,) = draw_step(step_of(SPECS[name], name)).axes
    wanted = {to_rgba(colour) for colour in colours}
    return [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_facecolor() in wanted]


def test_tokens_are_bars_of_which_all_are_drawn_where_they_are_few() -> None:
    many = rectangles("as the paper", (TOKEN, *WINDOWS))
    assert len(many) == (BARS - 2) * (3 + 2), "three soft splits, and tokens before two of them; dots for the others"
    column = rectangles("a column of tokens", WINDOWS)
    splits = step_of(SPECS["a column of tokens"], "").splits
    assert splits[-1].grid == (4, 1)
    assert len(column) == 3 + 3 + 2, "there is no second column of windows"


def test_windows_are_drawn_to_scale_with_what_they_share() -> None:
    (axes,) = draw_step(step_of(T2T, "T2T-ViT-14")).axes
    outlines = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    first, right, below = outlines[:3]
    assert (right.get_x() - first.get_x()) / first.get_width() == pytest.approx(4 / 7)
    assert (first.get_y() - below.get_y()) / first.get_height() == pytest.approx(4 / 7)


@pytest.mark.parametrize("name", SPECS)
def test_no_text_hides_another(name: str) -> None:
    check_texts(draw_step(step_of(SPECS[name], name, "The Tokens-to-Token step, a study at full size")))


def test_no_text_hides_another_for_any_arm_that_ships() -> None:
    arms = [arm for name in names() for arm in load_study(name).arms if has_soft_splits(arm.model)]
    steps = {step_of(arm.model, "").splits: step_of(arm.model, arm.name, "a study at full size") for arm in arms}
    assert len(steps) > 5
    for found in steps.values():
        check_texts(draw_step(found))


def test_the_figure_is_of_the_first_arm_that_has_the_module_or_of_the_one_that_is_named(tmp_path: Path) -> None:
    scale, store = load_scale("digits"), Store(tmp_path / "runs")
    study = load_study("t2t_ablation")

    def title(*only: str) -> str:
        (axes,) = step(Asked(study, scale, store, only=only)).axes
        return axes.texts[0].get_text()

    assert title() == "T2T-ViT-14", "a baseline that has one"
    assert title("T2T-ViT_t-14") == "T2T-ViT_t-14"
    with pytest.raises(SpecError, match=r"of T2T-ViT_c-14 of t2t_ablation; it can of T2T-ViT-14, "):
        title("T2T-ViT_c-14")
    with pytest.raises(SpecError, match="no Tokens-to-Token module"):
        step_of(preset("resnet50"), "ResNet50")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_step_is_written_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"step.{suffix}"
    draw_step(step_of(T2T, "T2T-ViT-14")).savefig(path)
    assert path.stat().st_size > 5000
