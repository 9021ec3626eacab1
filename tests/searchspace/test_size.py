"""How large a model would be, from its fields: right enough, and refused where it is absurd."""

import pytest
import torch

from searchspace.build import build
from searchspace.expand import SpecError, override
from searchspace.presets import names, preset
from searchspace.size import may_be_huge, params
from searchspace.spec import CnnSpec, TransformerSpec

TRANSFORMERS = [name for name in names() if isinstance(preset(name), TransformerSpec)]
PATCHES = {"tokenizer": {"kind": "patch", "patch_size": 14}, "backbone.position": "learned"}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_parameters_from_the_fields_are_about_those_of_the_model(name: str) -> None:
    spec = preset(name)
    assert isinstance(spec, TransformerSpec)
    with torch.device("meta"):
        counted = sum(p.numel() for p in build(spec).parameters())
    share = sum(params(spec).values()) / counted
    assert 0.9 < share < (1.6 if "ghost" in name else 1.05), "a ghost block is taken for a whole one"


@pytest.mark.parametrize(
    "changes",
    [
        {
            **PATCHES,
            "backbone.embed_dim": 1408,
            "backbone.depth": 40,
            "backbone.num_heads": 16,
            "img_size": 2048,
        },  # ViT-g
        {**PATCHES, "backbone.embed_dim": 6144, "backbone.depth": 48, "backbone.num_heads": 48},  # ViT-22B
        {"backbone.depth": 800},
        {"img_size": 2048},
        {"tokenizer": {"kind": "patch", "patch_size": 4}, "img_size": 2048, "backbone.embed_dim": 768},
        {"num_classes": 21_841},
        {"in_chans": 400, "img_size": 256},
    ],
)
def test_what_is_trained_today_is_taken(changes: dict) -> None:
    override(preset("t2t_vit_14"), changes)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "vit_b_16",
            {"backbone.embed_dim": 12_288, "backbone.depth": 96},
            "backbone: embed_dim 12288, depth 96 and mlp_ratio",
        ),
        (
            "vit_dense",
            {"backbone.dense": {"growth_rate": 16_000, "layers": [6, 7, 6]}},
            r"backbone: dense.growth_rate 16000, .* would make [\d.e+]+ parameters, and at most 5e\+10 can be",
        ),
        ("vit_b_16", {"num_classes": 1_000_000, "backbone.embed_dim": 16_380, "backbone.depth": 12}, "parameters"),
        (
            "vit_b_16",
            {"tokenizer.patch_size": 1, "img_size": 1024},
            r"img_size 1024 x 1024, 1024 x 1024 tokens, each 768 wide would make 8.05e\+08 values",
        ),
        (
            "t2t_vit_14",
            {"tokenizer.splits": [[512, 1, 256], [3, 2, 1]]},
            r"img_size 224 x 224 and tokenizer.splits\[0\]",
        ),
        ("vit_b_16", {"img_size": 4096, "in_chans": 100}, "img_size 4096 x 4096 and in_chans 100 would make"),
        ("resnet50", {"img_size": 4096, "stem": "small"}, "and a first convolution of 64 channels would make"),
        (
            "densenet201",
            {"depths.block_config": [1000, 1000, 1000, 1000]},
            r"depths.block_config would make 4e\+03 layers",
        ),
    ],
)
def test_fields_that_are_too_large_together_are_named(name: str, changes: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        override(preset(name), changes)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("resnet50", {"widths.channels": [16_384] * 4}),
        ("resnext50", {"args.base_width": 100_000}),
        ("densenet201", {"widths.growth_rate": 5000}),
    ],
)
def test_a_network_of_a_library_is_counted_before_it_is_made(name: str, changes: dict) -> None:
    spec = override(preset(name), changes)
    assert isinstance(spec, CnnSpec)
    assert may_be_huge(spec)
    with pytest.raises(SpecError, match=r"the widths and depths of .* would make .* parameters, and at most 5e\+10"):
        build(spec)


def test_a_picture_too_small_for_any_size_of_it_says_what_else_would_do() -> None:
    with pytest.raises(SpecError, match="would make no tokens; use smaller kernels or patches"):
        override(preset("t2t_vit_14"), {"tokenizer.splits": [[512, 512, 0], [512, 512, 0]]})
    with pytest.raises(SpecError, match="use pictures of at least 300 pixels a side or smaller kernels or patches"):
        override(preset("vit_b_16"), {"tokenizer.patch_size": 300})
