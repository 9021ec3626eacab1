import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import reports
from searchspace.build import build
from searchspace.cost import traced as counting
from searchspace.cost.traced import CountError, cost, layers
from searchspace.expand import override
from searchspace.presets import names, preset
from searchspace.spec import model_spec

PUBLISHED = json.loads((Path(reports.__file__).parent / "paper" / "published_checkpoints.json").read_text())


@pytest.mark.parametrize("name", [name for name in names() if name in PUBLISHED])
def test_parameters_equal_the_public_release_to_the_unit(name: str) -> None:
    figures = cost(preset(name))
    assert figures.params == PUBLISHED[name]["total_params"]
    assert figures.trainable == PUBLISHED[name]["trainable_params"]


def test_the_release_and_the_presets_share_models() -> None:
    assert len(set(names()) & set(PUBLISHED)) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_macs_equal_torchs_own_counter_but_for_norms_and_pooling(name: str) -> None:
    spec = preset(name)
    in_use = (
        override(spec, {"args.aux_logits": False}) if name == "inception_v3" else spec
    )  # theirs runs the unused too
    with torch.device("meta"):
        model, x = build(in_use).eval(), torch.zeros(1, 3, *spec.img_size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    theirs = counter.get_total_flops() / 2
    ours = counting._analysis(*counting._on_meta(lambda: build(spec), (1, 3, *spec.img_size))).by_operator()
    macs = ours.total() - ours.pop(counting.ACTIVATIONS)
    norms = sum(ours[op] for op in ours if "norm" in op or "pool" in op)
    assert macs - norms == pytest.approx(theirs, rel=1e-9)
    share = norms / theirs  # the README says how much
    assert 0.0175 < share < 0.045 if "mobilenet" in name else share < 0.012


def test_attention_is_counted_as_two_products() -> None:
    tokenizer = {"kind": "patch", "patch_size": 4}
    backbone = {"embed_dim": 8, "depth": 1, "num_heads": 2, "mlp_ratio": 1}
    spec = model_spec({"tokenizer": tokenizer, "backbone": backbone, "img_size": 8, "num_classes": 10})
    n, c = 5, 8
    patches = 4 * (3 * 4 * 4) * c
    linears = n * c * (3 * c + c + c + c)
    attention = n * n * (c + c)
    norms = 3 * 5 * n * c
    assert cost(spec).macs == patches + linears + attention + norms + c * 10


def test_layers_add_up_to_the_whole() -> None:
    rows = {row["module"]: row for row in layers(preset("t2t_vit_14"))}
    whole = rows["(all)"]
    parts = [rows[name] for name in ("tokenizer", "blocks", "norm", "head")]
    assert whole["macs"] == cost(preset("t2t_vit_14")).macs == sum(p["macs"] for p in parts)


def test_an_operator_that_is_not_declared_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "FREE", counting.FREE - {"aten::gelu"})
    with pytest.raises(CountError, match="aten::gelu"):
        cost(preset("vit_dn"))
