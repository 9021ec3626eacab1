"""Each score against a value that is had in another way, on networks small enough for that."""

from itertools import combinations, pairwise
from math import inf, log, prod

import pytest
import torch
from torch import nn

from searchspace.build import build
from searchspace.cost.remembered import costs
from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec, TransformerSpec
from studies.language.scale_file import load_scale
from studies.ranking.dss import dss
from studies.ranking.grad_norm import grad_norm
from studies.ranking.naswot import naswot
from studies.ranking.scores import SCORES, scores
from studies.ranking.synflow import synflow
from studies.trials.scores import BASELINES, NAMES

X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])


def small(name: str = "t2t_vit_14", **changes: object) -> ModelSpec:
    scale = load_scale("digits")
    full = override(preset(name), {f"backbone.{field}": value for field, value in changes.items()})
    return shrink(full, scale.shrink, 16, 3, 10)


def pictures(count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, 16, 16, generator=source), torch.randint(0, 10, (count,), generator=source)


def net(*widths: int, bias: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for i, (inner, outer) in enumerate(pairwise(widths)):
        layers += [nn.Linear(inner, outer, bias=bias), *([nn.ReLU()] if i + 2 < len(widths) else [])]
    return nn.Sequential(*layers)


def test_synflow_is_the_sum_over_all_paths_of_the_products_of_their_weights_once_for_each_layer() -> None:
    model = net(4, 3, 2, 3)
    weights = [module.weight.detach().abs().tolist() for module in model if isinstance(module, nn.Linear)]
    paths = 0.0
    for a in range(4):
        for b in range(3):
            for c in range(2):
                for d in range(3):
                    paths += prod((weights[0][b][a], weights[1][c][b], weights[2][d][c]))
    assert synflow(model, X, Y) == pytest.approx(log(len(weights) * paths), rel=1e-6)


def test_synflow_passes_over_normalisation() -> None:
    plain, normed = net(4, 3, 3), net(4, 3, 3)
    normed.insert(1, nn.LayerNorm(3))
    assert synflow(normed, X, Y) == pytest.approx(synflow(plain, X, Y), rel=1e-9)


def test_naswot_is_the_determinant_of_how_often_codes_agree() -> None:
    model = net(4, 5, 3, 3)
    first = X @ model[0].weight.t()
    codes = torch.cat([first > 0, first.relu() @ model[2].weight.t() > 0], dim=1).tolist()
    agree = [[sum(p == q for p, q in zip(a, b, strict=True)) for b in codes[:3]] for a in codes[:3]]
    (a, b, c), (d, e, f), (g, h, i) = agree
    assert a == e == i == 8, "a code agrees with itself in all 8 units"
    by_hand = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    assert by_hand > 0
    assert naswot(model, X[:3], Y[:3]) == pytest.approx(log(by_hand))


def test_naswot_of_two_equal_codes_is_nothing() -> None:
    assert naswot(net(4, 5, 3), X[:1].repeat(2, 1), Y[:2]) == -inf


def test_the_gradient_norm_of_a_linear_model_is_that_of_its_formula() -> None:
    model = net(4, 3, bias=True)
    wrong = (model(X).softmax(dim=1) - nn.functional.one_hot(Y, 3)).detach() / len(X)
    weight, bias = wrong.t() @ X, wrong.sum(dim=0)
    assert grad_norm(model, X, Y) == pytest.approx(float(weight.square().sum().sqrt() + bias.square().sum().sqrt()))


def test_dss_takes_attention_by_nuclear_norms_and_the_rest_by_saliency() -> None:
    spec = small(depth=4, channel_attention="squeeze_excite", se_reduction=4)
    torch.manual_seed(0)
    model = build(spec).eval()
    again = build(spec).eval()
    again.load_state_dict(model.state_dict())
    again.double()
    for parameter in again.parameters():
        parameter.data = parameter.data.abs()
    names = dict(again.named_parameters())
    weights = {n: p for n, p in names.items() if n.endswith("weight") and p.ndim == 2 and p.requires_grad}
    outputs = again(torch.ones(1, 3, 16, 16, dtype=torch.float64))
    found = torch.autograd.grad(outputs.sum(), list(weights.values()))
    total, of_attention = 0.0, 0
    for (name, weight), gradient in zip(weights.items(), found, strict=True):
        if any(f"{part}.weight" in name for part in ("qkv", "kqv", "attn.proj")) or name.endswith(
            ("mixers.0.proj.weight", "mixers.1.proj.weight")
        ):
            of_attention += 1
            total += float(torch.linalg.svdvals(gradient).sum() * torch.linalg.svdvals(weight.detach()).sum())
        else:
            total += float((gradient * weight.detach()).abs().sum())
    assert isinstance(spec, TransformerSpec)
    assert of_attention == 2 * spec.backbone.depth + 4, "those of two mixers too"
    assert dss(model, *pictures()) == pytest.approx(log(total), rel=1e-9)


@pytest.mark.parametrize("name", ["t2t_vit_14", "vit_dense", "t2t_vit_16_ghost", "t2t_vit_t_14", "resnet50"])
def test_every_score_is_a_number_for_models_of_every_kind(name: str) -> None:
    batch = pictures(64) if name == "resnet50" else pictures()
    row = scores([small(name)], batch, 0, NAMES).iloc[0]
    assert [n for n in NAMES if not torch.isfinite(torch.tensor(row[n]))] == []


def test_scores_are_of_the_seed_and_leave_the_random_state_and_others_alone() -> None:
    models = [small(), small(mlp_ratio=1)]
    state = torch.get_rng_state()
    both = scores(models, pictures(), 3, NAMES)
    assert torch.equal(state, torch.get_rng_state())
    assert scores(models[1:], pictures(), 3, NAMES[::-1]).iloc[0].to_dict() == both.iloc[1].to_dict()
    assert (scores(models[:1], pictures(), 4, tuple(SCORES)).iloc[0] != both.iloc[0][list(SCORES)]).all()
    for i, figures in enumerate(costs(models)):
        assert [both.iloc[i][name] for name in BASELINES] == [figures[name] for name in BASELINES]


def test_larger_models_have_larger_scores() -> None:
    found = scores([small(depth=depth) for depth in (4, 8, 24)], pictures(32), 0, ("naswot", "grad_norm", "dss"))
    for name in ("naswot", "dss"):
        assert all(a < b for a, b in combinations(found[name], 2)), name


def test_an_unknown_score_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="unknown score 'synflo'; did you mean synflow"):
        scores([], pictures(), 0, ("synflo",))
