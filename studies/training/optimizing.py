"""Optimizer and learning rates of a recipe, from timm's parts."""

import logging
from collections.abc import Iterator
from math import ceil
from typing import Any

import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import nn

from studies.trials.recipe import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer over a model's parameters that are learned.

    As timm does it, biases, norms and what the model names in `no_weight_decay` are not decayed. With
    `backbone_lr_scale`, all but the head learn at that share of the learning rate, its minimum included.
    """
    arguments: dict[str, Any] = {"betas": recipe.betas} if recipe.opt == "adamw" else {"momentum": recipe.momentum}
    if recipe.backbone_lr_scale != 1:
        arguments["param_group_fn"] = lambda module: _two_rates(module, recipe)
    return create_optimizer_v2(model, recipe.opt, recipe.lr, recipe.weight_decay, fused=True, **arguments)


def make_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> CosineLRScheduler:
    """The learning rate by step: warm-up, cosine, cool-down.

    `warmup_fraction` of the steps rise to `lr`, the last `cooldown_fraction` stay at `min_lr`. With `warmup_prefix` the
    cosine is over the steps between them; without, it begins with the first step, and the warm-up cuts off its start.
    """
    warmup = min(ceil(recipe.warmup_fraction * steps), steps - 1)
    cooldown = min(int(recipe.cooldown_fraction * steps), steps - 1 - warmup)
    quiet = logging.getLogger("timm.scheduler.cosine_lr")  # warns of a schedule of one step
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        return CosineLRScheduler(
            optimizer,
            t_initial=steps - cooldown - (warmup if recipe.warmup_prefix else 0),
            lr_min=recipe.min_lr,
            warmup_t=warmup,
            warmup_lr_init=recipe.lr / max(1, warmup) if recipe.warmup_lr is None else recipe.warmup_lr,
            warmup_prefix=recipe.warmup_prefix,
            t_in_epochs=False,
        )
    finally:
        quiet.setLevel(level)


def head_parameters(model: nn.Module) -> set[str]:
    """Names of the parameters of a model's classifier: of `head...` in models of this code and most of timm's, of what
    `get_classifier` gives in timm's others, else of the last linear map."""
    names = {name for name, _ in model.named_parameters() if name.split(".")[0] in ("head", "head_dist")}
    if names:
        return names
    of_timm: Any = model
    classifier = of_timm.get_classifier() if hasattr(model, "get_classifier") else None
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    chosen = classifier if isinstance(classifier, nn.Module) else linears[-1]
    own = {id(parameter) for parameter in chosen.parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) in own}


def _two_rates(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameter groups: head and all else, each with what is decayed and what is not; empty ones are left out."""
    head = head_parameters(model)
    of_timm: Any = model
    kept = set(of_timm.no_weight_decay()) if hasattr(model, "no_weight_decay") else set()

    def groups() -> Iterator[dict[str, Any]]:
        for scale, is_head in ((1.0, True), (recipe.backbone_lr_scale, False)):
            for decayed, decay in ((True, recipe.weight_decay), (False, 0.0)):
                chosen = [
                    parameter
                    for name, parameter in model.named_parameters()
                    if parameter.requires_grad
                    and (name in head) == is_head
                    and (parameter.ndim <= 1 or name.endswith(".bias") or name in kept) != decayed
                ]
                yield {"params": chosen, "weight_decay": decay, "lr_scale": scale}

    return [group for group in groups() if group["params"]]
