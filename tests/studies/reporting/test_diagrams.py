"""Diagrams of specs: their shapes are those of the built models, and their texts can be read."""

from pathlib import Path

import pytest
import torch
from figure_texts import check_texts
from support import StudyFile

from reports.diagram_figures import MOST_BOXES, Diagram, draw_diagram
from searchspace.build import build
from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.spec import ModelSpec, TransformerSpec, model_spec, to_dict
from studies.language.catalog import names
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale
from studies.reporting.asked import Asked
from studies.reporting.diagrams import diagram, diagram_of
from studies.store.store import Store

DIGITS = load_scale("digits")
SMALL = {"img_size": 32, "backbone.depth": 3}
STAGES = {"backbone.depth": 40, "backbone.stages": [{"mlp_ratio": i % 2 + 1} for i in range(20)]}
OTHERS = {
    "stages": override(preset("t2t_vit_14"), STAGES),
    "features": override(preset("vit_s_16"), {"num_classes": 0, "img_size": [64, 96], "backbone.position": "none"}),
    "one split": override(preset("t2t_vit_14"), {"tokenizer.splits": [[16, 16, 0]], "tokenizer.mixer": "none"}),
    "all options": override(
        preset("t2t_vit_16_ghost"),
        {
            "backbone.channel_attention": "squeeze_excite",
            "backbone.qkv_bias": True,
            "backbone.drop_path_rate": 0.1,
            "drop_rate": 0.1,
            "distilled": True,
        },
    ),
    "cnn with small stem": override(preset("resnet50"), {"stem": "small", "num_classes": 0, "drop_rate": 0.1}),
}


def texts(made: Diagram) -> list[str]:
    boxes = [box for group in made.groups for box in group.boxes]
    return [text for box in boxes for text in (box.title, *box.lines, box.gives) if text]


def gives(made: Diagram, *titles: str) -> list[str]:
    boxes = [box for group in made.groups for box in group.boxes]
    return [box.gives for box in boxes if any(title in box.title for title in titles)]


def put_out(spec: ModelSpec, *kinds: str) -> list[str]:
    """Shapes that the modules of some classes put out for a picture, as diagrams say them."""
    model, shapes = build(spec).eval(), []
    for module in model.modules():
        if type(module).__name__ in kinds:
            module.register_forward_hook(lambda _, inputs, out: shapes.append(f"{out.shape[1]:,} × {out.shape[2]}"))
    with torch.inference_mode():
        model(torch.zeros(1, spec.in_chans, *spec.img_size))
    return shapes


@pytest.mark.parametrize("name", ["t2t_vit_14", "t2t_vit_t_14", "t2t_vit_7_distilled"])
def test_soft_splits_and_layers_give_what_those_of_the_model_give(name: str) -> None:
    spec = override(preset(name), SMALL)
    made = diagram_of(spec, name)
    assert gives(made, "Soft split") == put_out(spec, "SoftSplit")
    assert gives(made, "transformer layer") == put_out(spec, "TransformerLayer")[-1:]
    assert gives(made, "Linear map")[-1] == f"4 × {spec.backbone.embed_dim}"


@pytest.mark.parametrize("name", ["t2t_vit_c_14", "vit_s_16"])
def test_other_tokenizers_give_what_those_of_the_model_give(name: str) -> None:
    spec = override(preset(name), SMALL)
    assert gives(diagram_of(spec, name), "Convolution", "Patches")[-1:] == put_out(
        spec, "ConvTokenizer", "PatchTokenizer"
    )


def test_dense_blocks_and_transitions_have_the_widths_of_the_model() -> None:
    dense = {"embed_dim": 64, "depth": 5, "dense": {"growth_rate": 16, "layers": [2, 2, 1]}}
    spec = override(preset("t2t_vit_dense"), {"img_size": 32} | {f"backbone.{name}": of for name, of in dense.items()})
    made = diagram_of(spec, "dense")
    of_layers = put_out(spec, "DenseLayer")
    assert gives(made, "Dense block") == [of_layers[1], of_layers[3], of_layers[4]]
    assert gives(made, "Transition") == put_out(spec, "Transition")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone.channel_attention": "squeeze_excite"}, "gated by squeeze and excitation, 384 → 24 → 384"),
        ({"backbone.attention": "ghost"}, "x + ghost attention(norm(x)): 6 heads of 64"),
        ({"backbone.mlp_ratio": 4}, "x + MLP(norm(x)): ratio 4, 384 → 1536 → 384"),
        ({"backbone.mlp": "ghost"}, "x + ghost MLP(norm(x)): ratio 3, 384 → 1152 → 384"),
        ({"backbone.qkv_bias": True}, "x + attention(norm(x)): 6 heads of 64, with bias"),
        ({"backbone.drop_path_rate": 0.1}, "stochastic depth up to 0.1"),
        ({"backbone.position": "learned"}, "learned positions"),
        ({"tokenizer.mixer": "transformer"}, "Transformer"),
        ({"distilled": True}, "class and distillation token"),
        ({"num_classes": 10}, "384 → 10"),
        ({"drop_rate": 0.5}, "dropout 0.5 before"),
    ],
)
def test_an_option_is_in_the_diagram_of_a_spec_that_has_it_and_in_no_other(changes: dict, said: str) -> None:
    assert said in texts(diagram_of(override(preset("t2t_vit_14"), changes), "with"))
    assert said not in texts(diagram_of(preset("t2t_vit_14"), "without"))


def test_stages_that_differ_are_boxes_of_their_own_in_as_many_frames_as_needed() -> None:
    made = diagram_of(OTHERS["stages"], "stages")
    titles = [box.title for box in made.groups[1].boxes]
    assert titles == ["2 × transformer layer"] * 20
    figure = draw_diagram(made)
    shown = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert shown.count("Transformer layers, continued") == -(-20 // MOST_BOXES) - 1


def test_a_cnn_has_a_box_a_stage_as_its_spec_says() -> None:
    said = texts(diagram_of(preset("resnet101"), "resnet101"))
    assert "Stage 3: 23 blocks" in said
    assert "channels 256" in said
    assert "as timm has them" in texts(diagram_of(preset("vgg11"), "vgg11"))


@pytest.mark.parametrize("name", OTHERS)
def test_no_text_hides_another_in_a_diagram_of_a_spec_that_is_in_no_study(name: str) -> None:
    check_texts(draw_diagram(diagram_of(OTHERS[name], name, "a study, at full size")))


@pytest.mark.parametrize("study", names())
def test_no_text_hides_another_in_a_diagram_of_any_arm_that_ships(study: str) -> None:
    found = load_study(study)
    for arm in {str(to_dict(arm.model)): arm for arm in found.arms}.values():
        check_texts(draw_diagram(diagram_of(arm.model, arm.name, f"{found.name}, at full size")))


def test_the_figure_is_of_the_baseline_or_of_the_arm_that_is_named(tmp_path: Path) -> None:
    study, store = load_study("t2t_ablation"), Store(tmp_path / "runs")

    def title(*only: str) -> str:
        (axes,) = diagram(Asked(study, DIGITS, store, only=only)).axes
        return axes.texts[0].get_text()

    assert title() == "T2T-ViT-14 wo T2T"
    assert title("T2T-ViT_t-14") == "T2T-ViT_t-14"
    with pytest.raises(
        SpecError, match=r"figure diagram is of one arm, and --only names 2: T2T-ViT-14, T2T-ViT-d768-4"
    ):
        title("DN structure")
    with pytest.raises(SpecError, match="no arm or group of t2t_ablation matches 'nothing'"):
        title("nothing")


def test_the_baseline_of_an_optional_group_is_not_what_is_drawn_first(tmp_path: Path) -> None:
    (axes,) = diagram(Asked(load_study("cnn_to_vit"), DIGITS, Store(tmp_path / "runs"))).axes
    assert axes.texts[0].get_text() == "ViT-S/16"


def test_what_an_arm_needs_is_not_drawn_with_it(tmp_path: Path) -> None:
    study = load_study("vit_comparison")
    (axes,) = diagram(Asked(study, DIGITS, Store(tmp_path / "runs"), only=["DeiT-small-Distilled"])).axes
    assert axes.texts[0].get_text() == "DeiT-small-Distilled"


def test_an_arm_that_costs_what_its_baseline_does_is_drawn_as_it_then_is(study_file: StudyFile, tmp_path: Path) -> None:
    narrow = {"backbone.embed_dim": 192, "backbone.num_heads": 3}
    study = parse(study_file(arms={"base": {}, "narrow": narrow}, match={"params": "backbone.mlp_ratio"}))
    (axes,) = diagram(Asked(study, DIGITS, Store(tmp_path / "runs"), only=["narrow"])).axes
    (mlp,) = (text.get_text() for text in axes.texts if "MLP" in text.get_text())
    assert "ratio 3," not in mlp


def test_a_name_with_dollar_signs_is_drawn_as_it_is() -> None:
    check_texts(draw_diagram(diagram_of(preset("vgg11"), r"for $\wrong$", "a study")))


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_diagram_is_written_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"diagram.{suffix}"
    draw_diagram(diagram_of(model_spec(to_dict(preset("t2t_vit_14"))), "T2T-ViT-14")).savefig(path)
    assert path.stat().st_size > 5000


def test_every_preset_has_a_diagram_of_its_own_kind() -> None:
    spec = preset("t2t_vit_c_14")
    assert isinstance(spec, TransformerSpec)
    assert [group.title for group in diagram_of(spec, "c").groups] == [
        "Convolutional tokenizer",
        "Transformer layers",
        "Head",
    ]
