"""The parameters of an optimizer as one tensor a group."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from searchspace.build import build
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.scale_file import load_scale
from studies.training.flat import Flat
from studies.training.optimizing import make_optimizer
from studies.trials.recipe import Recipe


def model() -> nn.Module:
    torch.manual_seed(0)
    return build(shrink(preset("vit_s_16"), load_scale("digits").shrink, 16, 3, 10))


def recipe(opt: str) -> Recipe:
    return Recipe.model_validate(
        {"epochs": 1, "batch_size": 32, "lr": 0.01, "opt": opt, "backbone_lr_scale": 0.1, "weight_decay": 0.05}
    )


def step(made: nn.Module, optimizer: torch.optim.Optimizer, flat: Flat | None, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in made.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator) if parameter.requires_grad else None
    if flat:
        flat.gather()
    optimizer.step()


@pytest.mark.parametrize("opt", ["adamw", "momentum"])
def test_steps_and_state_are_those_of_the_optimizer_over_the_models_own_parameters(opt: str) -> None:
    plain, flattened = model(), model()
    one, two = make_optimizer(plain, recipe(opt)), make_optimizer(flattened, recipe(opt))
    flat = Flat(two)
    for seed in range(3):
        step(plain, one, None, seed)
        step(flattened, two, flat, seed)
    torch.testing.assert_close(flattened.state_dict(), plain.state_dict())
    kept, own = flat.state_dict(), one.state_dict()
    assert [group["params"] for group in kept["param_groups"]] == [group["params"] for group in own["param_groups"]]
    torch.testing.assert_close(kept["state"], own["state"])


@pytest.mark.parametrize("opt", ["adamw", "momentum"])
def test_training_goes_on_from_what_an_optimizer_over_the_models_own_parameters_kept(opt: str) -> None:
    plain, flattened = model(), model()
    one, two = make_optimizer(plain, recipe(opt)), make_optimizer(flattened, recipe(opt))
    flat = Flat(two)
    step(plain, one, None, 0)
    flattened.load_state_dict(plain.state_dict())
    flat.load_state_dict(deepcopy(one.state_dict()))
    step(plain, one, None, 1)
    step(flattened, two, flat, 1)
    torch.testing.assert_close(flattened.state_dict(), plain.state_dict())


def test_a_state_of_other_parameters_is_refused() -> None:
    flat, other = Flat(make_optimizer(model(), recipe("adamw"))), make_optimizer(nn.Linear(2, 2), recipe("adamw"))
    with pytest.raises(ValueError, match="groups of"):
        flat.load_state_dict(other.state_dict())
