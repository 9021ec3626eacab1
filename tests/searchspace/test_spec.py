import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspace.expand import SpecError, differences, override, parse_override
from searchspace.presets import names, preset
from searchspace.shrink import Shrink, divide, shrink
from searchspace.spec import TransformerSpec, to_dict


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone.num_heads": 7}, r"num_heads must divide embed_dim, got num_heads 7 and width 384; 4, 6, 8 heads"),
        (
            {"backbone.mlp": "ghost", "backbone.mlp_ratio": 2.5},
            r"whole number of at least 2, got 2.5; 2 would",
        ),
        ({"img_size": 4, "tokenizer.splits": [[7, 4, 0]]}, r"4 x 4 is smaller than the reach .* at least 7"),
        (
            {"backbone.dense": {"growth_rate": 8, "layers": [2, 2]}},
            r"depth must be the sum .* set depth to 4",
        ),
        (
            {"backbone.embed_dim": 12, "backbone.channel_attention": "squeeze_excite"},
            r"at least se_reduction",
        ),
        ({"backbone.dept": 3}, r"unknown field 'backbone.dept'; did you mean backbone.depth"),
        ({"bakbone.depth": 3}, r"unknown field 'bakbone.depth'; did you mean backbone"),
        ({"backbone.depth.x": 3}, r"backbone.depth has no fields"),
        ({"backbone.attention": "gost"}, r"attention: Input should be 'full' or 'ghost', got 'gost'"),
        ({"backbone.depth": 0}, r"depth: a whole number from 1 to 1000, got 0"),
    ],
)
def test_an_override_that_breaks_an_invariant_says_where_and_what_works(changes: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message) as error:
        override(preset("t2t_vit_14"), changes)
    assert "\n" not in str(error.value)


def test_an_unknown_preset_offers_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean t2t_vit_14"):
        preset("t2t_vit14")


def test_another_kind_of_tokenizer_keeps_what_both_have() -> None:
    conv = override(preset("t2t_vit_14"), {"tokenizer.kind": "conv"})
    assert conv == preset("t2t_vit_c_14")
    assert override(preset("t2t_vit_14"), {"tokenizer.kind": "patch"}) == preset("t2t_vit_14_no_t2t")
    with pytest.raises(SpecError, match="'patch', 't2t', 'conv'"):
        override(preset("t2t_vit_14"), {"tokenizer.kind": "pach"})


@pytest.mark.parametrize("text", ["backbone.depth", "backbone.depth=[1"])
def test_an_override_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse_override(text)


@pytest.mark.parametrize("name", names())
def test_differences_rebuild_a_spec_from_another(name: str) -> None:
    spec = preset(name)
    base = preset("t2t_vit_14" if isinstance(spec, TransformerSpec) else "resnet50")
    assert override(base, differences(to_dict(spec), to_dict(base))) == spec


def test_differences_of_a_spec_from_itself_are_none() -> None:
    data = to_dict(preset("vit_s_16"))
    assert differences(data, data) == {}


@given(st.integers(1, 10_000), st.integers(1, 64), st.integers(1, 16))
def test_divide_rounds_to_a_positive_multiple(value: int, by: int, step: int) -> None:
    result = divide(value, by, step)
    assert result >= step
    assert result % step == 0
    assert abs(result - value / by) <= step / 2 or result == step


@given(
    st.sampled_from([name for name in names() if isinstance(preset(name), TransformerSpec)]),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(1, 4),
)
def test_a_shrunk_transformer_is_a_valid_spec_whose_heads_fit(name: str, width: int, depth: int, heads: int) -> None:
    rule = Shrink(width=width, depth=depth, heads=heads, patch_size=4)
    small = shrink(preset(name), rule, 32, 3, 10)
    assert isinstance(small, TransformerSpec)
    assert all(w % small.backbone.num_heads == 0 for block in small.backbone.widths() for w in block)
    assert small.num_classes == 10


def test_no_shrinking_leaves_a_model_as_it_is() -> None:
    for name in ("t2t_vit_14", "vit_dense", "resnet50"):
        assert shrink(preset(name), Shrink(), 224, 3, 1000) == preset(name)


def test_dense_widths_are_those_of_the_paper() -> None:
    widths = preset("t2t_vit_dense").backbone  # type: ignore[union-attr]
    assert widths.widths() == [
        [128, 192, 256],
        [160, 224, 288, 352, 416, 480],
        [272, 336, 400, 464, 528, 592],
        [328, 392, 456, 520],
    ]
    assert widths.num_features() == 584
    assert preset("vit_dense").backbone.num_features() == 736  # type: ignore[union-attr]
