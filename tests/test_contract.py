"""The contract of every block choice and every preset: shape, gradient, round trip, cost, train-then-eval."""

from itertools import product
from typing import Any, get_args

import pytest
import torch
import yaml
from torch import nn

from searchspace import presets
from searchspace.build import build
from searchspace.cost.remembered import costs
from searchspace.cost.traced import cost
from searchspace.expand import SpecError
from searchspace.shrink import Shrink, shrink
from searchspace.spec import BackboneSpec, CnnSpec, ModelSpec, T2TTokenizerSpec, model_spec, to_dict
from studies.language.scale_file import load_scale


def choices(model: type, field: str) -> tuple[str, ...]:
    """The values that a field of a spec may take: a new block is found here."""
    return get_args(model.model_fields[field].annotation)  # type: ignore[attr-defined]


SPLITS = [[3, 2, 1], [3, 2, 1], [3, 1, 1]]
TOKENIZERS: list[dict[str, Any]] = [
    {"kind": "patch", "patch_size": 4},
    {"kind": "conv", "token_dim": 8, "splits": SPLITS},
    *({"kind": "t2t", "mixer": m, "token_dim": 8, "splits": SPLITS} for m in choices(T2TTokenizerSpec, "mixer")),
]
DENSE = {"growth_rate": 8, "layers": [2, 1]}
BLOCKS = [
    {"attention": attention, "mlp": mlp, "channel_attention": gate, "dense": dense, "position": position}
    for (attention, mlp, gate, dense), position in zip(
        product(
            choices(BackboneSpec, "attention"),
            choices(BackboneSpec, "mlp"),
            choices(BackboneSpec, "channel_attention"),
            (None, DENSE),
        ),
        choices(BackboneSpec, "position") * 6,
        strict=False,
    )
]


def small(tokenizer: dict[str, Any], blocks: dict[str, Any], img_size: object = 16) -> ModelSpec:
    backbone = {
        "embed_dim": 32,
        "depth": 3,
        "num_heads": 4,
        "mlp_ratio": 2,
        "se_reduction": 2,
        "drop_path_rate": 0.1,
    } | blocks
    return model_spec({"tokenizer": tokenizer, "backbone": backbone, "img_size": img_size, "num_classes": 10})


def check_contract(spec: ModelSpec) -> None:
    torch.manual_seed(0)
    model = build(spec)
    x = torch.randn(4, spec.in_chans, *spec.img_size)

    model.eval()
    with torch.no_grad():
        before = model(x)
    assert before.shape == (4, spec.num_classes)
    assert before.isfinite().all()

    check_gradients(model, x)
    if not isinstance(spec, CnnSpec):  # batch norm learns from a forward pass, nothing in a transformer does
        model.eval()
        with torch.no_grad():
            torch.testing.assert_close(model(x), before)

    text = yaml.safe_dump(to_dict(spec))
    assert model_spec(yaml.safe_load(text)) == spec

    figures = cost(spec)
    assert costs([spec]) == [figures.as_dict()]  # the sum over its parts
    assert figures.params == sum(p.numel() for p in model.parameters())
    assert figures.macs > 0
    assert figures.activations > 0


def check_gradients(model: nn.Module, x: torch.Tensor) -> None:
    for module in model.modules():
        if type(module).__name__ == "DropPath":
            module.drop_prob = 0.0  # a dropped branch has no gradient, and rightly so
    model.train()
    logits = model(x)  # and those of an auxiliary classifier
    sum(part.square().sum() for part in (logits if isinstance(logits, tuple) else (logits,))).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0 or _starts_at_zero(model), name


def _starts_at_zero(model: nn.Module) -> bool:
    """ResNets start each branch at zero (the last batch norm's weight), so that inner gradients are zero too."""
    return any(
        isinstance(m, nn.BatchNorm2d) and m.weight is not None and bool((m.weight == 0).all()) for m in model.modules()
    )


@pytest.mark.parametrize(
    "blocks", BLOCKS, ids=lambda b: "-".join(str(v and "dense" if k == "dense" else v) for k, v in b.items())
)
@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: t.get("mixer", t["kind"]))
def test_every_choice_of_blocks_over_every_tokenizer_keeps_the_contract(tokenizer: dict, blocks: dict) -> None:
    check_contract(small(tokenizer, blocks))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: t.get("mixer", t["kind"]))
def test_every_choice_of_blocks_as_a_stage_keeps_the_contract(tokenizer: dict) -> None:
    fields = ("attention", "mlp", "channel_attention")
    stages = [dict(zip(fields, kinds, strict=True)) for kinds in product(*(choices(BackboneSpec, f) for f in fields))]
    check_contract(small(tokenizer, {"depth": len(stages), "stages": stages}))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: t.get("mixer", t["kind"]))
def test_tokens_need_not_be_square(tokenizer: dict) -> None:
    check_contract(small(tokenizer, {}, img_size=[16, 24]))


WIDE = {"alexnet", "vgg11", "inception_v3", "resnet152", "densenet201"}  # also at a small scale


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in WIDE else name for name in presets.names()]
)
def test_every_preset_keeps_the_contract_at_a_small_scale(name: str) -> None:
    spec = presets.preset(name)
    scale = load_scale("digits")
    try:
        check_contract(shrink(spec, scale.shrink, scale.data.img_size, 3, 10))
    except SpecError:
        assert isinstance(spec, CnnSpec)
        check_contract(shrink(spec, Shrink(), max(spec.min_size, 64), 3, 10))
