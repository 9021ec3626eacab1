"""What is minimised: cross entropy with the labels and, beside a teacher, with what it says."""

import torch
import torch.nn.functional as F
from timm.loss import SoftTargetCrossEntropy
from torch import nn

from studies.training.parents import Parents, distillation_loss, has_distillation_token
from studies.trials.trial import Distillation, TrialSpec

Logits = torch.Tensor | tuple[torch.Tensor, torch.Tensor]
AUXILIARY = 0.4  # weight of an auxiliary classifier, as in torchvision's reference training


class Loss:
    """The loss of a batch.

    Args:
        label_smoothing: of labels that are classes; mixed ones are smoothed already.
        rule: how a teacher's part is weighed; none: no teacher.
        teacher: gives logits (B, K) of pictures; none: no teacher.
        has_token: whether the model has a head of its own for what a teacher says; then it gives two logits.
    """

    def __init__(
        self,
        label_smoothing: float,
        rule: Distillation | None = None,
        teacher: nn.Module | None = None,
        has_token: bool = False,
    ) -> None:
        self.label_smoothing, self.rule, self.teacher, self.has_token = label_smoothing, rule, teacher, has_token
        self._soft = SoftTargetCrossEntropy()

    def __call__(self, logits: Logits, target: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The mean loss of logits (B, K), or of two such, for targets (B,) int64 or (B, K), and the pictures x."""
        if self.rule is None or self.teacher is None:
            return self._of_labels(logits, target)
        with torch.no_grad():
            taught = self.teacher(x)
        second = logits[0] if isinstance(logits, tuple) else logits
        if self.has_token:
            logits, second = logits
        alpha = self.rule.alpha
        return (1 - alpha) * self._of_labels(logits, target) + alpha * distillation_loss(second, taught, self.rule)

    def _of_labels(self, logits: Logits, target: torch.Tensor) -> torch.Tensor:
        if isinstance(logits, tuple):
            return self._of_labels(logits[0], target) + AUXILIARY * self._of_labels(logits[1], target)
        if target.ndim == 2:
            return self._soft(logits, target)
        return F.cross_entropy(logits, target, label_smoothing=self.label_smoothing)


def make_loss(trial: TrialSpec, model: nn.Module, parents: Parents, device: torch.device) -> Loss:
    """The loss of a trial; a model with a distillation token is made to give both of its logits in training."""
    teacher = parents.teacher(trial.teacher).to(device) if trial.teacher else None
    has_token = has_distillation_token(model)
    if teacher and has_token:
        model.set_distilled_training()  # type: ignore[operator]
    return Loss(trial.recipe.label_smoothing, trial.teacher, teacher, has_token)
