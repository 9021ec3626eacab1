"""Optimizer and learning rates of a recipe."""

import warnings

import pytest
import torch
from torch import nn

from searchspace.build import build
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.scale_file import load_scale
from studies.training.optimizing import head_parameters, make_optimizer, make_schedule
from studies.trials.recipe import Recipe

DIGITS = load_scale("digits")


def recipe(**changes: object) -> Recipe:
    return Recipe.model_validate({"epochs": 10, "batch_size": 32, "lr": 0.1} | changes)


def small(name: str) -> nn.Module:
    return build(shrink(preset(name), DIGITS.shrink, 16, 3, 10))


def rates(asked: Recipe, steps: int, group: int = 0) -> list[float]:
    """The learning rate of each step."""
    optimizer = make_optimizer(small("vit_s_16"), asked)
    schedule, found = make_schedule(optimizer, asked, steps), []
    for step in range(steps):
        found.append(optimizer.param_groups[group]["lr"])
        schedule.step_update(step + 1)
    return found


def test_the_papers_schedule_warms_up_from_its_first_rate_and_cools_down_at_its_last() -> None:
    asked = recipe(
        epochs=310,
        warmup_fraction=10 / 310,
        cooldown_fraction=10 / 310,
        warmup_lr=1e-6,
        min_lr=1e-5,
        warmup_prefix=False,
    )
    found = rates(asked, 310)
    assert found[0] == pytest.approx(1e-6)
    assert found[:10] == sorted(found[:10])
    assert found[10] == pytest.approx(1e-5 + (0.1 - 1e-5) * 0.5 * (1 + torch.tensor(torch.pi * 10 / 300).cos().item()))
    assert found[10:300] == sorted(found[10:300], reverse=True)
    assert found[300:] == [pytest.approx(1e-5)] * 10


@pytest.mark.parametrize("steps", [31, 310, 3100])
def test_a_shortened_run_keeps_the_shape_of_its_schedule(steps: int) -> None:
    asked = recipe(warmup_fraction=10 / 310, cooldown_fraction=10 / 310, warmup_lr=1e-6, min_lr=1e-5)
    found = rates(asked, steps)
    assert found.index(max(found)) == steps // 31
    assert sum(rate == pytest.approx(1e-5) for rate in found) == steps // 31
    assert found[steps // 2] == pytest.approx(0.05, rel=0.1)


def test_a_run_of_one_step_has_a_schedule_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rates(recipe(), 1) == [0.1]
    assert not caplog.records


def test_all_but_the_head_learns_at_its_share_of_the_rate() -> None:
    model = small("t2t_vit_14")
    asked = recipe(opt="momentum", backbone_lr_scale=0.01, weight_decay=5e-4, warmup_fraction=0.0, min_lr=2e-4)
    optimizer = make_optimizer(model, asked)
    schedule = make_schedule(optimizer, asked, 100)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    head = head_parameters(model)
    assert head == {"head.weight", "head.bias"}
    seen = set()
    for group in optimizer.param_groups:
        of_head = {names[id(parameter)] in head for parameter in group["params"]}
        assert len(of_head) == 1
        assert group["lr"] == pytest.approx(0.1 if of_head == {True} else 0.001)
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.0 if parameter.ndim <= 1 else 5e-4) or names[id(parameter)] in {
                "cls_token",
                "pos_embed",
            }
            seen.add(names[id(parameter)])
    assert seen == {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    schedule.step_update(100)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == pytest.approx([2e-6, 2e-4])


def test_two_rates_need_no_weight_decay() -> None:
    model = small("vit_s_16")
    optimizer = make_optimizer(model, recipe(backbone_lr_scale=0.1, weight_decay=0.0))
    given = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(given) == sorted(id(p) for p in model.parameters() if p.requires_grad), "each once"


@pytest.mark.parametrize(("name", "head"), [("resnet50", "fc.weight"), ("alexnet", "classifier.6.weight")])
def test_the_head_of_a_library_network_is_its_classifier(name: str, head: str) -> None:
    with torch.device("meta"):
        model = build(preset(name))
    assert head in head_parameters(model)
    assert len(head_parameters(model)) == 2


def test_optimizers_are_those_of_their_names() -> None:
    model = small("vit_s_16")
    assert isinstance(make_optimizer(model, recipe()), torch.optim.AdamW)
    for name, nesterov in (("sgd", True), ("momentum", False)):
        optimizer = make_optimizer(model, recipe(opt=name, momentum=0.8))
        assert isinstance(optimizer, torch.optim.SGD)
        assert {(group["momentum"], group["nesterov"]) for group in optimizer.param_groups} == {(0.8, nesterov)}
