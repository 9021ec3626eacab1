"""Layers that differ by stages: what is taken, what is one model, what a scale makes of them, how they are searched."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from searches import definition, in_memory

from searchspace.backbone import Layer, StageSpec
from searchspace.build import build
from searchspace.cost.composed import parts
from searchspace.cost.remembered import costs
from searchspace.cost.traced import cost
from searchspace.expand import SpecError, differences, override, parse_overrides
from searchspace.feasible import Budget, Feasible
from searchspace.identity import hashed
from searchspace.presets import preset
from searchspace.shrink import Shrink, apportioned, shrink
from searchspace.space import named_space, space_of
from searchspace.spec import ModelSpec, TransformerSpec, model_spec, to_dict


def staged(*stages: dict[str, Any], **more: Any) -> TransformerSpec:
    changes = {f"backbone.{name}": value for name, value in more.items()}
    made = override(preset("t2t_vit_14"), {"backbone.stages": list(stages), **changes})
    assert isinstance(made, TransformerSpec)
    return made


def ratios(spec: ModelSpec) -> list[float]:
    assert isinstance(spec, TransformerSpec)
    return [layer.mlp_ratio for layer in spec.backbone.layers()]


def test_an_option_that_a_stage_does_not_give_is_the_backbones() -> None:
    spec = staged({"depth": 4, "mlp_ratio": 1}, {"depth": 10, "attention": "ghost", "num_heads": 4}, mlp_ratio=2)
    assert ratios(spec) == [1] * 4 + [2] * 10
    assert [layer.attention for layer in spec.backbone.layers()] == ["full"] * 4 + ["ghost"] * 10
    assert [layer.num_heads for layer in spec.backbone.layers()] == [6] * 4 + [4] * 10


@pytest.mark.parametrize(
    ("depths", "wanted"), [((None, None, None), [5, 5, 4]), ((None, 8, None), [3, 8, 3]), ((2, None), [2, 12])]
)
def test_stages_without_a_depth_share_the_rest_evenly(depths: tuple, wanted: list[int]) -> None:
    assert staged(*({"depth": depth} for depth in depths)).backbone.stage_depths() == wanted


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([{"depth": 4}, {"depth": 4}], r"depth must be the sum .* got depth 14 and \[4, 4\]; set depth to 8, or leave"),
        ([{"depth": 14}, {}], "each stage has a layer at least, 15 in all, got depth 14; raise depth"),
        ([{}, {"num_heads": 5}], "stages.1: num_heads must divide embed_dim, got num_heads 5 and width 384"),
        ([{}, {"mlp": "ghost", "mlp_ratio": 2.5}], "stages.1: a ghost MLP is made of whole copies"),
        ([{"embed_dim": 64}], "backbone.stages.0.embed_dim: unknown field"),
        ([{"mlp_ratio": 0}], r"backbone.stages.0.mlp_ratio: a number above 0"),
        ([], "backbone.stages: .*at least 1 item"),
    ],
)
def test_stages_that_cannot_be_are_refused_in_one_line(stages: list, message: str) -> None:
    with pytest.raises(SpecError, match=message) as raised:
        override(preset("t2t_vit_14"), {"backbone.stages": stages})
    assert "\n" not in str(raised.value)


def test_stages_of_dense_layers_are_refused() -> None:
    with pytest.raises(SpecError, match="stages and dense exclude each other"):
        override(preset("vit_dense"), {"backbone.stages": [{}, {}]})


def test_what_is_in_a_list_is_overridden_by_its_place() -> None:
    base = staged({"depth": 4}, {})
    changed = override(base, parse_overrides(["backbone.stages.1.mlp_ratio=2", "backbone.stages.0.qkv_bias=true"]))
    assert to_dict(changed)["backbone"]["stages"] == [{"depth": 4, "qkv_bias": True}, {"mlp_ratio": 2}]
    assert override(preset("t2t_vit_14"), differences(to_dict(changed), to_dict(preset("t2t_vit_14")))) == changed
    kernels = override(preset("t2t_vit_14"), {"tokenizer.splits.0": [5, 4, 1]})
    assert to_dict(kernels)["tokenizer"]["splits"][0] == [5, 4, 1]
    for path, message in (
        ("backbone.stages.2.mlp_ratio", "backbone.stages is a list, of which 0 to 1 are there"),
        ("backbone.stages.x.mlp_ratio", "backbone.stages is a list, of which 0 to 1 are there"),
        ("backbone.stages.0.mlp_rate", "did you mean backbone.stages.0.mlp_ratio"),
    ):
        with pytest.raises(SpecError, match=message):
            override(base, {path: 2})
    with pytest.raises(SpecError, match=r"backbone\.stages is none here; give it first as a list"):
        override(preset("t2t_vit_14"), {"backbone.stages.0.mlp_ratio": 2})


def test_one_model_has_one_hash_however_its_stages_are_written() -> None:
    plain = preset("t2t_vit_14")
    assert hashed(staged({})) == hashed(plain) == hashed(staged({"mlp_ratio": 3}, {"depth": 2}, {"num_heads": 6}))
    assert "stages" not in hashed(plain)["backbone"]
    two = [
        staged({"depth": 5}, {"mlp_ratio": 4}),
        staged({"depth": 5, "mlp_ratio": 3}, {}, mlp_ratio=4),
        staged({"depth": 2}, {"depth": 3}, {"depth": 9, "mlp_ratio": 4, "attention": "full"}),
    ]
    assert len({str(hashed(spec)) for spec in two}) == 1
    assert hashed(two[0]) != hashed(staged({"depth": 6}, {"mlp_ratio": 4}))
    assert model_spec(hashed(two[1])).backbone.layers() == two[1].backbone.layers()  # type: ignore[union-attr]


stages = st.lists(
    st.fixed_dictionaries(
        {"depth": st.integers(1, 5)},
        optional={
            "mlp_ratio": st.sampled_from([1, 2, 3]),
            "num_heads": st.sampled_from([3, 4, 6]),
            "attention": st.sampled_from(["full", "ghost"]),
            "channel_attention": st.sampled_from(["none", "squeeze_excite"]),
        },
    ),
    min_size=1,
    max_size=4,
)


@given(stages)
def test_models_are_hashed_alike_exactly_where_their_layers_are(made: list[dict[str, Any]]) -> None:
    depth = sum(stage["depth"] for stage in made)
    spec, other = staged(*made, depth=depth), staged(*made[::-1], depth=depth)
    assert (hashed(spec) == hashed(other)) == (spec.backbone.layers() == other.backbone.layers())
    simple = spec.backbone.simplest()
    assert simple.layers() == spec.backbone.layers() and simple.simplest() == simple


@given(stages, st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
def test_a_scale_divides_stages_in_proportion(made: list[dict[str, Any]], depth: int, width: int, heads: int) -> None:
    spec = staged(*made, depth=sum(stage["depth"] for stage in made))
    small = shrink(spec, Shrink(depth=depth, width=width, heads=heads), 224, 3, 10)
    assert isinstance(small, TransformerSpec)
    depths = small.backbone.stage_depths()
    assert sum(depths) == small.backbone.depth == max(len(made), int(spec.backbone.depth / depth + 0.5))
    for stage, layers in zip(made, depths, strict=True):
        assert layers >= 1
        assert abs(layers - stage["depth"] * small.backbone.depth / spec.backbone.depth) < len(made)
    if depth == width == heads == 1:
        assert small == override(spec, {"num_classes": 10})


def test_largest_remainders() -> None:
    assert apportioned(7, [5, 5, 4]) == [3, 2, 2]
    assert apportioned(3, [10, 1, 1]) == [1, 1, 1]
    assert apportioned(4, [20, 1, 1]) == [2, 1, 1]


def test_stochastic_depth_grows_over_all_layers_whatever_their_stage() -> None:
    with torch.device("meta"):
        blocks = build(staged({"depth": 4}, {"mlp_ratio": 2}, drop_path_rate=0.26)).blocks  # type: ignore[union-attr]
    rates = [getattr(block.drop_path, "drop_prob", 0.0) for block in blocks]  # type: ignore[union-attr]
    assert rates == pytest.approx([0.02 * i for i in range(14)])


def test_layers_of_a_stage_are_one_part() -> None:
    spec = staged({"depth": 4, "mlp_ratio": 1}, {"depth": 10, "channel_attention": "squeeze_excite"})
    assert sorted(n for part, n in parts(spec).items() if part.kind in ("attention", "mlp")) == [4, 4, 10, 10]
    assert costs([spec]) == [cost(spec).as_dict()]


def test_a_space_of_stages_is_sampled_and_counted() -> None:
    ours, rng = named_space("stages"), random.Random(0)
    assert ours.size() == 3 * (4 * 2 + 4**3 * 2**2)
    within = Feasible(ours, Budget(max_params=20_000_000))
    points = [within.sample(rng) for _ in range(300)]
    assert {point["structure"] for point in points} == {"thirds", "uniform"}
    for point in points[:3]:
        assert within.figures([point]) == [cost(ours.spec(point)).as_dict()]
        assert ours.point_of(ours.spec(point)) == point
    point = next(point for point in points if point["structure"] == "thirds")
    names = [f"backbone.stages.{i}.mlp_ratio" for i in range(3)]
    third = point["backbone.depth"] // 3
    assert ratios(ours.spec(point)) == [ratio for name in names for ratio in [point[name]] * third]


def test_a_search_proposes_stages_within_the_budget() -> None:
    ours = named_space("stages")
    search = in_memory(definition(space=ours, sampler="nsga2", budget=Budget(max_params=18_000_000)))
    for number in range(24):  # more than are drawn at random
        proposal = search.propose()
        assert proposal is not None and ours.spec(proposal.candidate.point) == proposal.candidate.model
        assert proposal.candidate.params <= 18_000_000
        search.tell(number, 50.0 - max(ratios(proposal.candidate.model)))
    assert any(trial.params.get("structure") == "thirds" for trial in search.study.trials)


def test_stages_that_every_model_has_are_fields_of_the_space() -> None:
    knobs: dict[str, Any] = {"backbone.depth": [4, 7], "backbone.stages.1.mlp_ratio": [1, 2]}
    data: dict[str, Any] = {"name": "mine", "base": "t2t_vit_14", "knobs": knobs}
    halves = space_of({**data, "fields": {"backbone.stages": [{}, {}]}})
    assert ratios(halves.spec({"backbone.depth": 7, "backbone.stages.1.mlp_ratio": 1})) == [3] * 4 + [1] * 3
    thirds = space_of({**data, "fields": {"backbone.stages": [{}, {}, {}]}})
    assert halves.content() != thirds.content()
    assert "fields" not in named_space("stages").content(), "and journals of spaces without them go on"
    for fields, message in (
        ({}, r"^knobs.backbone.stages.1.mlp_ratio: .*give it first as a list"),
        ({"backbone.stages": [{"depth": 14}]}, r"^knobs.backbone.stages.1.mlp_ratio: .* of which 0 to 0 are there"),
        ({"backbone.stage": [{}]}, r"^fields: unknown field 'backbone.stage'; did you mean backbone.stages"),
    ):
        with pytest.raises(SpecError, match=message):
            space_of({**data, "fields": fields})


def test_a_stage_has_every_option_of_a_layer() -> None:
    assert set(StageSpec.model_fields) == {"depth", *Layer._fields}
