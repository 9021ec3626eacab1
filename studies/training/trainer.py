"""One trial: model, data, optimizer and schedule, an epoch at a time, resumable to the last bit.

Order, augmentation, dropout and initial weights are functions of the seed and the step, so that a trial that was
interrupted and resumed from a checkpoint ends with the numbers of the uninterrupted one.
"""

import time
from collections.abc import Callable
from math import ceil, isfinite
from typing import Any

import torch
import torch.nn.functional as F
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import nn

from searchspace.build import build
from studies.training.data.access import DataAccess
from studies.training.data.opened import open_data
from studies.training.devices import finish_work
from studies.training.evaluation import evaluate
from studies.training.parents import Parents, distillation_loss, has_distillation_token, packed
from studies.training.seeding import seed_all
from studies.trials.results import EpochRecord
from studies.trials.trial import TrialSpec

LOSS_CHECK_STEPS = 50  # steps between two looks whether the loss is finite

Logits = torch.Tensor | tuple[torch.Tensor, torch.Tensor]


class TrainingError(RuntimeError):
    """A trial that cannot go on: its loss is not a number, say."""


class Trainer:
    """Trains one trial on one device.

    Args:
        trial: what to train.
        device: where.
        parents: gives what this trial starts from or learns from.
        access: where its data lies, and how many processes read it.

    Attributes:
        step: steps trained so far.
        history: a record for each epoch trained so far.

    Raises:
        ParentError: if a trial that is needed has not been trained.
        ValueError: if nothing of a pretrained model fits.
    """

    def __init__(
        self,
        trial: TrialSpec,
        device: str | torch.device = "cpu",
        parents: Parents | None = None,
        access: DataAccess | None = None,
    ) -> None:
        self.trial, self.device = trial, torch.device(device)
        recipe = trial.recipe
        self.source = open_data(trial.data, self.device, access)
        self.steps_per_epoch = self.source.steps_per_epoch(recipe.batch_size)
        self.steps = recipe.epochs * self.steps_per_epoch
        seed_all(trial.seed, "initial weights")
        self.model: nn.Module = build(trial.model).to(self.device)
        parents = parents or Parents()
        self.pretrained_share = parents.start(self.model, trial.pretrained) if trial.pretrained else None
        self.teacher: nn.Module | None = None
        if trial.teacher:
            self.teacher = parents.teacher(trial.teacher).to(self.device)
            if has_distillation_token(self.model):
                self.model.set_distilled_training()  # type: ignore[operator]
        self.optimizer = create_optimizer_v2(
            self.model, "adamw", recipe.lr, recipe.weight_decay, betas=recipe.betas, fused=True
        )
        warmup = min(ceil(recipe.warmup_fraction * self.steps), self.steps - 1)
        self.scheduler = CosineLRScheduler(
            self.optimizer,
            t_initial=self.steps - warmup,
            lr_min=recipe.min_lr,
            warmup_t=warmup,
            warmup_lr_init=recipe.lr / max(1, warmup),
            warmup_prefix=True,
            t_in_epochs=False,
        )
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.step = 0
        self.history: list[EpochRecord] = []
        self.tick: Callable[[], None] = lambda: None  # called after each step and each batch of an evaluation
        self._epoch_loss = torch.zeros((), device=self.device)  # sum over the steps of the epoch so far
        self._epoch_seconds = 0.0

    @property
    def epochs_done(self) -> int:
        """Whole epochs trained so far."""
        return len(self.history)

    @property
    def done(self) -> bool:
        """Whether all epochs of the recipe are trained."""
        return self.epochs_done >= self.trial.recipe.epochs

    def train_epoch(self, pause: Callable[[], bool] = lambda: False) -> EpochRecord | None:
        """Train to the end of the epoch, evaluate, and append the record to the history.

        Args:
            pause: asked after each step; True interrupts the epoch there, and a later call goes on.

        Returns:
            The record; None if the epoch was interrupted.

        Raises:
            TrainingError: if the loss is not finite.
        """
        recipe = self.trial.recipe
        start = time.perf_counter()
        interrupted = not self.train_steps(self.steps_per_epoch - self.step % self.steps_per_epoch, pause)
        finish_work(self.device)
        self._epoch_seconds += time.perf_counter() - start
        if interrupted:
            return None
        self._check_loss()
        train_loss, seconds = self._epoch_loss.item() / self.steps_per_epoch, self._epoch_seconds
        last = self.epochs_done + 1 == recipe.epochs
        start = time.perf_counter()
        figures = self.evaluate(limit=None if last else recipe.interim_test)
        record: EpochRecord = {
            "epoch": self.epochs_done + 1,
            "epochs": recipe.epochs,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": train_loss,
            "top1": figures["top1"],
            "top5": figures["top5"],
            "loss": figures["loss"],
            "test_pictures": int(figures["test_pictures"]),
            "train_seconds": seconds,
            "seconds": seconds + time.perf_counter() - start,
            "images_per_second": self.steps_per_epoch * recipe.batch_size / seconds,
        }
        if notes := self.source.take_notes():
            record["notes"] = notes
        self.history.append(record)
        self._epoch_loss.zero_()
        self._epoch_seconds = 0.0
        return record

    def train_steps(self, count: int, pause: Callable[[], bool] = lambda: False) -> bool:
        """Train the next steps, within an epoch; False if `pause` interrupted them before the last."""
        recipe = self.trial.recipe
        self.model.train()
        epoch, first = divmod(self.step, self.steps_per_epoch)
        for i in range(first, first + count):
            x, y = self.source.train_batch(recipe, self.trial.seed, epoch, i)
            loss = self._loss(self.model(x), y, x)
            self.optimizer.zero_grad()
            loss.backward()
            if recipe.clip_grad:
                nn.utils.clip_grad_norm_(self.parameters, recipe.clip_grad)
            self.optimizer.step()
            self._epoch_loss += loss.detach()
            self.step += 1
            self.scheduler.step_update(self.step)
            self.tick()
            if self.step % LOSS_CHECK_STEPS == 0:
                self._check_loss()
            if pause() and i + 1 < first + count:
                return False
        return True

    def _check_loss(self) -> None:
        """Refuse to go on from a loss that is not finite. On a GPU this waits for the device."""
        loss = self._epoch_loss.item()
        if not isfinite(loss):
            lr = self.optimizer.param_groups[0]["lr"]
            raise TrainingError(
                f"the loss is {loss} by step {self.step} of {self.steps} (epoch {self.epochs_done + 1}, lr {lr:.3g}): "
                "try a lower lr"
            )

    def _loss(self, logits: Logits, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Cross entropy with the labels and, beside a teacher, with what it says of the same pictures x."""
        rule = self.trial.teacher
        if rule is None or self.teacher is None:
            return self._label_loss(logits, y)
        with torch.no_grad():
            taught = self.teacher(x)
        if has_distillation_token(self.model):
            first, second = logits
            label_loss = self._label_loss(first, y)
        else:
            second = logits[0] if isinstance(logits, tuple) else logits
            label_loss = self._label_loss(logits, y)
        return (1 - rule.alpha) * label_loss + rule.alpha * distillation_loss(second, taught, rule)

    def _label_loss(self, logits: Logits, y: torch.Tensor) -> torch.Tensor:
        """Cross entropy; an auxiliary classifier's counts 0.4, as in torchvision's reference training."""
        if isinstance(logits, tuple):
            return self._label_loss(logits[0], y) + 0.4 * self._label_loss(logits[1], y)
        return F.cross_entropy(logits, y, label_smoothing=self.trial.recipe.label_smoothing)

    def evaluate(self, limit: int | None = None) -> dict[str, float]:
        """Evaluate on the test split, or on a subset of `limit` pictures, the same for every trial."""
        return evaluate(self.model, self.source.test_batches(limit), self.tick)

    def weights(self) -> bytes:
        """The model's weights as the content of a safetensors file."""
        return packed(self.model)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on: model, optimizer, schedule, step and history.

        No random state: every step sets its own (see `studies.training.seeding`).
        """
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "step": self.step,
            "epoch_loss": self._epoch_loss,
            "epoch_seconds": self._epoch_seconds,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.step, self.history = state["step"], list(state["history"])
        self._epoch_loss, self._epoch_seconds = state["epoch_loss"].to(self.device), state["epoch_seconds"]
