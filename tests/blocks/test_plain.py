"""Full networks are the ones that the papers' equations describe, written the plain way in benchmarks/."""

import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def plain_models():
    spec = importlib.util.spec_from_file_location("plain_models", FOLDER / "plain_models.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("size", [32, [32, 48]])
@pytest.mark.parametrize("name", ["t2t_vit_14", "t2t_vit_t_14", "vit_s_16"])
def test_logits_and_gradients_are_those_of_the_plain_network(name: str, size: object, plain_models) -> None:
    torch.manual_seed(0)
    spec = override(preset(name), {"img_size": size, "num_classes": 10, "backbone.depth": 2})
    ours, plain = build(spec).eval(), plain_models.PlainTransformer(spec).eval()
    plain.load_state_dict(ours.state_dict())
    x, found = torch.randn(2, 3, *spec.img_size), []
    for model in (ours, plain):
        logits = model(x)
        F.cross_entropy(logits, torch.tensor([1, 7])).backward()
        found.append((logits, {key: p.grad for key, p in model.named_parameters() if p.requires_grad}))
    (logits, gradients), (plain_logits, plain_gradients) = found
    torch.testing.assert_close(logits, plain_logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(gradients, plain_gradients, atol=1e-5, rtol=1e-3)
    assert logits.std() > 1e-3
