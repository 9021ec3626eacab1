"""What a trial takes from another one: the weights it starts with, or a teacher's answers."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import nn

from blocks.positions import fit_positions
from blocks.vit import VisionTransformer
from searchspace.build import build
from searchspace.checkpoint import adapt, load_whole, parse
from searchspace.expand import SpecError
from searchspace.spec import ModelSpec, TransformerSpec
from studies.trials.trial import Distillation, FileTeacher, Teacher, TrialId, WeightsFile

LEAST_SHARE = 0.1  # of a model's parameters that a pretrained one must have
Parent = tuple[ModelSpec, bytes]  # a model and its weights (safetensors)


class ParentError(RuntimeError):
    """What a trial starts from or learns from is not there."""


class Parents:
    """Gives what a trial starts from or learns from.

    Args:
        trial_of: gives model and weights of a trial; None if it is not trained.
        file_of: gives the content of a file of weights by its SHA-256; None if it is not there.
    """

    def __init__(
        self,
        trial_of: Callable[[str], Parent | None] = lambda _: None,
        file_of: Callable[[str], bytes | None] = lambda _: None,
    ) -> None:
        self.trial_of, self.file_of = trial_of, file_of

    def trial(self, trial_id: str) -> Parent:
        """Model and weights of a trial.

        Raises:
            ParentError: if it is not trained.
        """
        found = self.trial_of(trial_id)
        if found is None:
            raise ParentError(f"trial {trial_id}, which this one starts from, is not trained")
        return found

    def file(self, named: WeightsFile) -> dict[str, torch.Tensor]:
        """The weights in a file.

        Raises:
            ParentError: if the file is not there.
            CheckpointError: if it holds no weights.
        """
        content = self.file_of(named.sha256)
        if content is None:
            raise ParentError(f"the file of weights with SHA-256 {named.sha256[:16]}... is not in the store")
        return parse(content, f"the file with SHA-256 {named.sha256[:16]}...")

    def start(self, model: nn.Module, pretrained: TrialId | WeightsFile) -> float:
        """Let a model start from a trial or a file; the share of its parameters that come from there."""
        if isinstance(pretrained, str):
            return start_from(model, self.trial(pretrained))
        return start_from_file(model, self.file(pretrained))

    def teacher(self, rule: Teacher | FileTeacher) -> nn.Module:
        """The model that teaches, in evaluation mode and without gradients."""
        if isinstance(rule, Teacher):
            return restored(self.trial(rule.trial))
        model = build(rule.model)
        load_whole(model, self.file(rule.file), f"the teacher's file {rule.file.sha256[:16]}...")
        return model.eval().requires_grad_(False)


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
    return _copy(model, *_fitting(model, parent[0], load(parent[1])))


def start_from_file(model: nn.Module, state: dict[str, torch.Tensor]) -> float:
    """`start_from` with the weights of a file, under the names of this code or of the public release."""
    return _copy(model, *_matching(model, adapt(state, model)[0]))


def _copy(model: nn.Module, fitting: dict[str, torch.Tensor], share: float) -> float:
    model.load_state_dict(fitting, strict=False)
    return share


def check_start(spec: ModelSpec, parent: ModelSpec) -> None:
    """Refuse a pretrained model of which too little fits, before anything is trained; nothing is computed.

    Raises:
        ValueError: as `start_from` does.
    """
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        _fitting(build(spec), parent, build(parent).state_dict())


def check_start_from_file(spec: ModelSpec, content: bytes, name: str) -> None:
    """`check_start` with the content of a file; `name` says in errors where it comes from.

    Raises:
        ValueError: as `start_from_file` does, or if the file holds no weights.
    """
    state = {key: value.to("meta") for key, value in parse(content, name).items()}
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = build(spec)
    try:
        _matching(model, adapt(state, model)[0])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_teacher(spec: ModelSpec, content: bytes, name: str) -> None:
    """Refuse a teacher whose file is not wholly its weights, or that cannot look at the pictures it is made for.

    Args:
        spec: of the teacher.
        content: of its file.
        name: of the file, for errors.

    Raises:
        SpecError: with the first names or shapes that differ, or with what the model says to such pictures.
    """
    with torch.random.fork_rng(devices=[]):
        with torch.device("meta"):
            model = build(spec)
        load_whole(model, parse(content, name), name)
        try:
            answer = _answer(model, spec)
        except Exception:  # a few models compute with values, which the meta device has not
            model = build(spec)
            try:
                answer = _answer(model, spec)
            except Exception as error:  # whatever a library's model says to a picture that it cannot take
                height, width = spec.img_size
                text = " ".join(str(error).split())[:120]
                raise SpecError(f"{name}: its model takes no pictures of {height} x {width}: {text}") from None
    if answer != (1, spec.num_classes):
        raise SpecError(f"{name}: its model answers a picture with {answer}, not with {spec.num_classes} logits")


def _answer(model: nn.Module, spec: ModelSpec) -> tuple[int, ...] | str:
    """The shape of a model's answer to one picture, or what it is if no tensor."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        answer: Any = model.eval()(torch.zeros(1, spec.in_chans, *spec.img_size, device=device))
    return tuple(answer.shape) if torch.is_tensor(answer) else type(answer).__name__


def _fitting(
    model: nn.Module, parent: ModelSpec, state: dict[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], float]:
    """What of the parent's tensors a model can take, and for what share of its parameters."""
    if isinstance(model, VisionTransformer) and isinstance(parent, TransformerSpec) and "pos_embed" in state:
        own, table = model.state_dict().get("pos_embed"), state["pos_embed"]
        if own is not None and own.shape[-1] == table.shape[-1]:
            grid = parent.tokenizer.grid_size(*parent.img_size)
            state["pos_embed"] = fit_positions(table, own, grid, model.grid, 1 + parent.distilled)
    return _matching(model, state)


def _matching(model: nn.Module, state: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], float]:
    """The tensors that have name and shape of one of the model's, and their share of its parameters."""
    own, names = model.state_dict(), dict(model.named_parameters())
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    share = sum(names[name].numel() for name in fitting if name in names) / sum(p.numel() for p in names.values())
    if share < LEAST_SHARE:
        raise ValueError(
            f"the pretrained model has tensors of the same name and shape for {100 * share:.1f} % of this one's "
            f"parameters, and {100 * LEAST_SHARE:g} % are needed: start from a model that is more like it"
        )
    return fitting, share


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
