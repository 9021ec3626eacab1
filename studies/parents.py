"""What a trial takes from another one: the weights it starts with, or a teacher's answers."""

from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import nn

from blocks.positions import resize_positions
from blocks.vit import VisionTransformer
from searchspace.build import build
from searchspace.spec import ModelSpec, TransformerSpec
from studies.trial import Distillation

LEAST_SHARE = 0.1  # of a model's parameters that a pretrained one must have
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
    """Copy into a model every tensor of the parent that has its name and shape; a position table is fitted to it.

    Returns:
        The share of the model's parameters that now come from the parent.

    Raises:
        ValueError: if it is less than LEAST_SHARE.
    """
    fitting, share = _fitting(model, parent[0], load(parent[1]))
    model.load_state_dict(fitting, strict=False)
    return share


def check_start(spec: ModelSpec, parent: ModelSpec) -> None:
    """Refuse a pretrained model of which too little fits, before anything is trained; nothing is computed.

    Raises:
        ValueError: as `start_from` does.
    """
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        _fitting(build(spec), parent, build(parent).state_dict())


def _fitting(
    model: nn.Module, parent: ModelSpec, state: dict[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], float]:
    """What of the parent's tensors a model can take, and for what share of its parameters."""
    own = model.state_dict()
    if isinstance(model, VisionTransformer) and isinstance(parent, TransformerSpec):
        _fit_positions(state, own, model, parent)
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    names = dict(model.named_parameters())
    share = sum(names[name].numel() for name in fitting if name in names) / sum(p.numel() for p in names.values())
    if share < LEAST_SHARE:
        raise ValueError(
            f"the pretrained model has tensors of the same name and shape for {100 * share:.1f} % of this one's "
            f"parameters, and {100 * LEAST_SHARE:g} % are needed: start from a model that is more like it"
        )
    return fitting, share


def _fit_positions(
    state: dict[str, torch.Tensor], own: dict[str, torch.Tensor], model: VisionTransformer, parent: TransformerSpec
) -> None:
    """Resize the parent's position table to the model's grid; a token that the parent has not keeps its own row."""
    table, mine = state.get("pos_embed"), own.get("pos_embed")
    if table is None or mine is None or table.shape[-1] != mine.shape[-1]:
        return
    grid, prefix, new_prefix = (
        parent.tokenizer.grid_size(*parent.img_size),
        1 + parent.distilled,
        model.num_prefix_tokens,
    )
    if grid != model.grid:
        table = resize_positions(table, grid, model.grid, prefix)
    both = min(prefix, new_prefix)
    rows = [table[:, :both], mine[:, both:new_prefix], table[:, prefix:]]
    state["pos_embed"] = torch.cat(rows, dim=1)


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
