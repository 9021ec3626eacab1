import random
import re
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError
from scipy.stats import chisquare

from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.space import Space, named_space, space_names, space_of
from searchspace.spec import CnnSpec, TransformerSpec, to_dict
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale

KNOBS: dict[str, Any] = {
    "tokenizer.kind": ["t2t", "patch"],
    "tokenizer.mixer": {"values": ["performer", "none"], "when": {"tokenizer.kind": "t2t"}},
    "tokenizer.splits": {"values": [[[7, 4, 2], [3, 2, 1], [3, 2, 1]], [[4, 4, 0]]], "when": {"tokenizer.kind": "t2t"}},
    "backbone.depth": {"low": 4, "high": 10, "step": 2},
    "backbone.embed_dim": [192, 240, 256],
    "backbone.num_heads": {"per": "backbone.embed_dim", "divide_by": [48, 64]},
    "blocks": {"choices": {"plain": {}, "ghost": {"backbone.attention": "ghost", "backbone.mlp": "ghost"}}},
    "backbone.mlp_ratio": {"low": 2, "high": 3, "step": 0.5},
}
PAPER_ARMS = [
    pytest.param(arm.model, id=f"{name} {arm.name}")
    for name in ("structures", "cnn_to_vit", "t2t_ablation")
    for arm in load_study(name).arms
    if not isinstance(arm.model, CnnSpec)
]


def space(**knobs: Any) -> Space:
    return space_of({"name": "mine", "base": "t2t_vit_14", "knobs": knobs or KNOBS})


def point(**changes: Any) -> dict[str, Any]:
    made = {
        "tokenizer.kind": "t2t",
        "tokenizer.mixer": "none",
        "tokenizer.splits": "[[4, 4, 0]]",
        "backbone.depth": 6,
        "backbone.embed_dim": 192,
        "backbone.num_heads": 64,
        "blocks": "ghost",
        "backbone.mlp_ratio": 2,
    }
    return {name: value for name, value in (made | changes).items() if value is not ...}


@pytest.mark.parametrize("model", PAPER_ARMS)
def test_every_transformer_of_tables_1_6_and_7_is_a_point_of_the_papers_space(model: TransformerSpec) -> None:
    paper = named_space("paper")
    found = paper.point_of(model)
    assert found is not None
    assert paper.spec(found) == model


def test_a_point_sets_the_fields_of_its_knobs() -> None:
    spec = space().spec(point())
    wanted = {
        "tokenizer.mixer": "none",
        "tokenizer.splits": [[4, 4, 0]],
        "backbone.depth": 6,
        "backbone.embed_dim": 192,
        "backbone.num_heads": 3,
        "backbone.attention": "ghost",
        "backbone.mlp": "ghost",
        "backbone.mlp_ratio": 2,
    }
    assert spec == override(preset("t2t_vit_14"), wanted)
    patches = space().spec(point(**{"tokenizer.kind": "patch", "tokenizer.mixer": ..., "tokenizer.splits": ...}))
    assert to_dict(patches)["tokenizer"] == {"kind": "patch", "patch_size": 16}


def test_every_point_that_makes_a_model_is_found_again_from_its_model() -> None:
    ours, models = space(), Counter()
    for each in ours.points():
        if ours.valid(each):
            models[ours.spec(each).model_dump_json()] += 1
            assert ours.point_of(ours.spec(each)) == each
    assert set(models.values()) == {1}, "no two points are one model"


def test_a_model_outside_is_no_point() -> None:
    assert space().point_of(preset("t2t_vit_14")) is None, "its depth is none of the values"
    assert space().point_of(preset("resnet50")) is None
    inside = space().spec(point())
    assert space().point_of(override(inside, {"backbone.qkv_bias": True})) is None, "no knob sets this field"


def test_the_size_counts_a_knob_only_where_it_is() -> None:
    rest = 4 * 3 * 2 * 2 * 3
    assert space().size() == 2 * 2 * rest + rest == len(list(space().points()))


def test_parameters_are_what_a_sampler_needs() -> None:
    kind, mixer, splits, depth, *_, ratio = space().parameters()
    assert (kind.values, kind.when, kind.ordered) == (("t2t", "patch"), None, False)
    assert (mixer.name, mixer.when) == ("tokenizer.mixer", {"tokenizer.kind": ("t2t",)})
    assert splits.values == ("[[7, 4, 2], [3, 2, 1], [3, 2, 1]]", "[[4, 4, 0]]"), "as scalars"
    assert (depth.values, depth.ordered) == ((4, 6, 8, 10), True)
    assert all(isinstance(value, int) for value in depth.values)
    assert ratio.values == (2, 2.5, 3)


def test_samples_are_uniform_over_the_points_that_make_a_model() -> None:
    ours, source = space(), random.Random(0)
    valid = [tuple(each.items()) for each in ours.points() if ours.valid(each)]
    assert len(valid) < ours.size(), "a head of 48 does not divide 256, nor one of 64 240"
    drawn = Counter(tuple(ours.sample(source).items()) for _ in range(8 * len(valid)))
    assert set(drawn) <= set(valid)
    assert chisquare([drawn[each] for each in valid]).pvalue > 0.01


def test_a_sample_depends_on_the_random_state_alone() -> None:
    assert [space().sample(random.Random(3)) for _ in range(2)] == [space().sample(random.Random(3))] * 2


def test_content_is_of_what_the_space_is_not_of_how_it_is_written() -> None:
    short = space(**{"backbone.depth": [4, 5]})
    assert short.content() == space(**{"backbone.depth": {"low": 4, "high": 5}}).content()
    assert short.content() == short.model_copy(update={"name": "other"}).content()
    assert short.content() != space(**{"backbone.depth": [4, 6]}).content()
    assert short.content() != space_of({"name": "mine", "base": "t2t_vit_7", "knobs": {"backbone.depth": [4, 5]}})


@pytest.mark.parametrize("name", ["digits", "digits_small"])
def test_points_of_a_space_for_digits_differ_at_that_scale(name: str) -> None:
    ours, scale = named_space(name), load_scale("digits")
    data = scale.data
    models = {
        shrink(ours.spec(each), scale.shrink, data.img_size, data.in_chans, data.num_classes).model_dump_json()
        for each in ours.points()
    }
    assert len(models) == ours.size()


def test_an_unknown_space_is_refused_with_the_nearest() -> None:
    assert {"paper", "digits", "digits_small"} <= set(space_names())
    with pytest.raises(SpecError, match="unknown space 'papr'; did you mean paper"):
        named_space("papr")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone.depth": 5}, "backbone.depth has the values 4, 6, 8, 10, got 5"),
        ({"backbone.depht": 4}, "space mine has no knob 'backbone.depht'; did you mean backbone.depth"),
        ({"backbone.depth": ...}, "the point has no value for backbone.depth"),
        (
            {"tokenizer.kind": "patch"},
            "tokenizer.mixer is a knob only with tokenizer.kind t2t; leave it out of the point",
        ),
        (
            {"backbone.embed_dim": 240},
            "backbone.num_heads: backbone.embed_dim is 240, which 64 does not divide",
        ),
        ({"backbone.mlp_ratio": 2.5}, "backbone: a ghost MLP is made of whole copies of the width"),
    ],
)
def test_a_point_that_makes_no_model_says_why(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}"):
        space().spec(point(**changes))
    assert not space().valid(point(**changes))


KIND = {"tokenizer.kind": ["t2t", "patch"]}


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"backbone.depht": [4]}, "knobs.backbone.depht: unknown field 'backbone.depht'; did you mean backbone.depth"),
        ({"x": [4]}, "knobs.x: unknown field 'x'; known: backbone, distilled"),
        ({"backbone.depth": [4, "x"]}, "knobs.backbone.depth: a whole number from 1 to 1000, got 'x'"),
        ({"backbone.depth": {"low": 0, "high": 4}}, "knobs.backbone.depth: a whole number from 1 to"),
        ({"backbone.depth": {"low": 4, "high": 5, "step": 0.5}}, "knobs.backbone.depth: a whole number from 1 to"),
        ({"backbone.qkv_bias": ["x"]}, "knobs.backbone.qkv_bias: true or false, got 'x'"),
        ({"backbone.mlp": ["ful"]}, "knobs.backbone.mlp: Input should be 'full' or 'ghost', got 'ful'"),
        (
            {"backbone.depth": {"low": 9, "high": 3}},
            "knobs.backbone.depth: low must be at most high, got low 9 and high 3",
        ),
        ({"backbone.depth": {"low": 9}}, "knobs.backbone.depth: a range has low and high; step is 1 if it is left out"),
        ({"backbone.depth": {"low": 1, "high": 9, "step": 0}}, "knobs.backbone.depth.step: a number above 0 and up to"),
        ({"backbone.mlp_ratio": {"low": 1, "high": 9, "step": 1e-3}}, "knobs.backbone.mlp_ratio: a knob has at most"),
        ({"backbone.depth": {}}, "knobs.backbone.depth: a knob is a list of values, {low, high, step}, {per"),
        ({"backbone.depth": {"values": [4], "low": 4, "high": 5}}, "knobs.backbone.depth: a knob is a list of values"),
        ({"backbone.depth": []}, "knobs.backbone.depth: a knob has at least one value, got none"),
        ({"backbone.depth": [4, 4]}, "knobs.backbone.depth: each value stands once, got 4 twice"),
        ({"backbone.depth": {"value": [4]}}, "knobs.backbone.depth.value: unknown field"),
        ({"backbone.depth": 4}, "knobs.backbone.depth: a mapping of its fields, `key: value`, got 4"),
        (
            {"backbone.num_heads": {"per": "backbone.embed_dmi", "divide_by": 64}},
            "knobs.backbone.num_heads: per is no field of whole numbers: 'backbone.embed_dmi'; did you mean",
        ),
        (
            {"backbone.num_heads": {"per": "backbone.embed_dim"}},
            "knobs.backbone.num_heads: per and divide_by belong together",
        ),
        (
            {"b": {"choices": {"a": {"backbone.dpeth": 3}}}},
            "knobs.b: unknown field 'backbone.dpeth'; did you mean backbone.depth",
        ),
        (
            KIND | {"tokenizer.mixer": {"values": ["none"], "when": {"tokenizer.knd": "t2t"}}},
            "knobs.tokenizer.mixer: its `when` names 'tokenizer.knd', which is no knob; did you mean tokenizer.kind",
        ),
        (
            KIND | {"tokenizer.mixer": {"values": ["none"], "when": {"tokenizer.kind": "t2"}}},
            "knobs.tokenizer.mixer: tokenizer.kind is never 't2'; did you mean t2t",
        ),
        (
            {"tokenizer.mixer": {"values": ["none"], "when": {"tokenizer.kind": "t2t"}}} | KIND,
            "knobs.tokenizer.mixer: its `when` names tokenizer.kind, which must be a knob before it",
        ),
        (
            KIND | {"tokenizer.mixer": ["none"]},
            "knobs.tokenizer.mixer: there is no such field where tokenizer.kind is patch; add when: {tokenizer.kind:",
        ),
        (
            {"tokenizer.patch_size": [14, 16]},
            "knobs.tokenizer.patch_size: unknown field of a tokenizer of kind t2t; if it is",
        ),
        ({}, "knobs: "),
    ],
)
def test_a_space_that_cannot_be_is_refused_in_one_line(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}") as raised:
        space_of({"name": "mine", "base": "t2t_vit_14", "knobs": knobs})
    assert "\n" not in str(raised.value)


def test_a_space_of_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown preset 't2t_vit_41'; did you mean t2t_vit_24"):
        space_of({"name": "mine", "base": "t2t_vit_41", "knobs": {"backbone.depth": [4]}})
    with pytest.raises(ValidationError, match="unknown preset"):
        Space(name="mine", base="t2t_vit_41", knobs={"backbone.depth": [4]})


def test_a_space_without_models_says_so_when_a_point_is_drawn() -> None:
    never = space(**{"backbone.num_heads": [5, 7]})
    with pytest.raises(
        SpecError, match="none of 20000 random points makes a model, one because of backbone: num_heads"
    ):
        never.sample(random.Random(0))


def test_a_space_of_a_cnn_varies_its_arguments() -> None:
    nets = space_of({"name": "nets", "base": "resnet50", "knobs": {"conv": ["full", "ghost"], "stem_width": [32, 64]}})
    assert nets.size() == 4
    assert nets.point_of(nets.spec({"conv": "ghost", "stem_width": 32})) == {"conv": "ghost", "stem_width": 32}
