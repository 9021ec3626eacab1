"""What a trial takes from another one: the weights it starts with, or a teacher's answers."""

from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import nn

from searchspace.build import build
from searchspace.checkpoint import adapt
from searchspace.spec import ModelSpec
from studies.trial import Distillation

Parent = tuple[ModelSpec, bytes]  # a model and its weights (safetensors)


def packed(model: nn.Module) -> bytes:
    """A model's weights as the content of a safetensors file."""
    return save({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()})


def restored(parent: Parent) -> nn.Module:
    """A parent's model with its weights, in evaluation mode and without gradients."""
    spec, weights = parent
    model = build(spec)
    model.load_state_dict(load(weights))
    return model.eval().requires_grad_(False)


def start_from(model: nn.Module, parent: Parent) -> float:
    """Copy into a model every tensor of the parent that has its name and shape (position tables are resized).

    Returns:
        The share of the model's parameters that now come from the parent.

    Raises:
        ValueError: if none does.
    """
    state, _ = adapt(load(parent[1]), model)
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    names = dict(model.named_parameters())
    share = sum(names[name].numel() for name in fitting if name in names) / sum(p.numel() for p in names.values())
    if not share:
        raise ValueError("nothing of the pretrained model fits into this one: no tensor has its name and shape")
    return share


def distillation_loss(student: torch.Tensor, teacher: torch.Tensor, rule: Distillation) -> torch.Tensor:
    """The teacher's part of the loss, from logits (B, K) each, averaged over the batch.

    Source: Touvron et al., arXiv 2012.12877, eq. 2 (soft; Hinton et al., arXiv 1503.02531) and eq. 3 (hard).
    """
    if rule.kind == "hard":
        return F.cross_entropy(student, teacher.argmax(1))
    log_p, log_q = F.log_softmax(student / rule.tau, 1), F.log_softmax(teacher / rule.tau, 1)
    return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True) * rule.tau**2


def has_distillation_token(model: Any) -> bool:
    """Whether a model has a head of its own for what a teacher says."""
    return getattr(model, "head_dist", None) is not None
