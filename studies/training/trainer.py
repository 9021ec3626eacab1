"""One trial: model, data, optimizer and schedule, an epoch at a time, resumable to the last bit.

Order, augmentation, dropout and initial weights are functions of the seed and the step, so that a trial that was
interrupted and resumed from a checkpoint ends with the numbers of the uninterrupted one.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import torch
from timm.utils import ModelEmaV3
from torch import nn

from searchspace.build import build
from studies.training.data.opened import open_data
from studies.training.devices import finish_work, memory_format
from studies.training.errors import TrainingError, require_finite
from studies.training.evaluation import Logits, evaluate, skip_unread
from studies.training.execution import Execution
from studies.training.flat import Flat
from studies.training.gradients import Gradients
from studies.training.losses import make_loss
from studies.training.optimizing import make_optimizer, make_schedule
from studies.training.parents import Parents, packed
from studies.training.precision import Precision
from studies.training.ranks import ALONE, Ranks
from studies.training.seeding import seed_all
from studies.trials.results import EpochRecord
from studies.trials.shortage import is_memory_short
from studies.trials.trial import TrialSpec

logging.getLogger("timm.scheduler.cosine_lr").setLevel(logging.ERROR)  # it warns of a cosine of one step

LOSS_CHECK_STEPS = 50  # steps between two looks whether the loss is finite


class Trainer:
    """Trains one trial on one device, alone or as one of several processes.

    Args:
        trial: what to train.
        device: where.
        parents: gives what this trial starts from or learns from.
        execution: how; it changes no result but by rounding (see `studies.training.draws` for networks of libraries).
        ranks: the processes that train it together.

    Attributes:
        step: steps trained so far.
        history: a record for each epoch trained so far.
        gradients: what leaves them in the model's parameters, micro-batch by micro-batch.

    Raises:
        ParentError: if a trial that is needed has not been trained.
        ValueError: if nothing of a pretrained model fits, or the batch cannot be cut as asked.
    """

    def __init__(
        self,
        trial: TrialSpec,
        device: str | torch.device = "cpu",
        parents: Parents | None = None,
        execution: Execution | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.trial, self.device, self.ranks = trial, torch.device(device), ranks
        execution = execution or Execution()
        recipe = trial.recipe
        self.source = open_data(trial.data, self.device, execution.access)
        self.steps_per_epoch = self.source.steps_per_epoch(recipe.batch_size)
        self.steps = recipe.epochs * self.steps_per_epoch
        seed_all(trial.seed, "initial weights")
        self.model: nn.Module = build(trial.model).to(self.device)
        skip_unread(self.model)
        parents = parents or Parents()
        self.pretrained_share = parents.start(self.model, trial.pretrained) if trial.pretrained else None
        self.loss = make_loss(trial, self.model, parents, self.device)
        self.precision = Precision(recipe.amp, self.device)
        self.model.to(memory_format=memory_format(trial.model, self.device))
        self.optimizer = make_optimizer(self.model, recipe)
        self.scheduler = make_schedule(self.optimizer, recipe, self.steps)
        # Where launching an operation is what costs. On a GPU one of torch's kernels takes all parameters as they are.
        self.flat = Flat(self.optimizer) if self.device.type == "cpu" else None
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.ema = ModelEmaV3(self.model, recipe.ema.decay, use_warmup=recipe.ema.warmup) if recipe.ema else None
        self.notes: list[str] = []  # for people, since the last epoch's record
        say = self.notes.append  # no method of this object: its memory is to go as soon as nobody holds it
        self.gradients = Gradients(trial, self.model, self.loss, self.source, self.precision, execution, ranks, say)
        self.logits = Logits(say)
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

    @property
    def evaluated(self) -> nn.Module:
        """What is evaluated and kept: the average of the weights where the recipe has one, else the model."""
        return self.ema.module if self.ema else self.model

    def train_epoch(self, pause: Callable[[], bool] = lambda: False) -> EpochRecord | None:
        """Train to the end of the epoch, evaluate, and append the record to the history.

        Args:
            pause: asked after each step; True interrupts the epoch there, and a later call goes on.

        Returns:
            The record; None if the epoch was interrupted.

        Raises:
            DataError: if too many pictures cannot be read.
            TrainingError: if the loss is not finite, or memory is short and smaller batches do not help.
            MemoryShortError: if one of several processes is out of memory.
        """
        recipe = self.trial.recipe
        start = time.perf_counter()
        interrupted = not self.train_steps(self.steps_per_epoch - self.step % self.steps_per_epoch, pause)
        finish_work(self.device)
        self._epoch_seconds += time.perf_counter() - start
        if interrupted:
            self._check_finite(self._epoch_loss)  # what is saved now must be worth going on from
            return None
        epoch_loss = self._mean_loss()
        self._check_finite(epoch_loss)
        train_loss, seconds = epoch_loss.item() / self.steps_per_epoch, self._epoch_seconds
        last = self.epochs_done + 1 == recipe.epochs
        start = time.perf_counter()
        figures = self.evaluate(limit=None if last else recipe.interim_test)
        self.source.share(self.ranks)
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
        if notes := self.notes + self.source.take_notes():
            record["notes"] = notes
            self.notes.clear()
        self.history.append(record)
        self._epoch_loss.zero_()
        self._epoch_seconds = 0.0
        return record

    def train_steps(self, count: int, pause: Callable[[], bool] = lambda: False) -> bool:
        """Train the next steps, within an epoch; False if `pause` interrupted them before the last."""
        self.model.train()
        epoch, first = divmod(self.step, self.steps_per_epoch)
        for i in range(first, first + count):
            self._epoch_loss += self.gradients(epoch, i)
            self._update()
            self.step += 1
            self.scheduler.step_update(self.step)
            self.tick()
            if self.step % LOSS_CHECK_STEPS == 0:
                self._check_loss(self._mean_loss())
            if pause() and i + 1 < first + count:
                return False
        return True

    def _update(self) -> None:
        """Change the weights by their gradients.

        Raises:
            TrainingError: if memory is short. This is not tried again: some weights may be changed already, and with
                the activations gone, smaller micro-batches would not help.
        """
        try:
            if self.flat:
                self.flat.gather()
            if self.trial.recipe.clip_grad:
                self.precision.unscale(self.optimizer)
                stepped = self.flat.tensors if self.flat else self.parameters
                nn.utils.clip_grad_norm_(stepped, self.trial.recipe.clip_grad)
            self.precision.step(self.optimizer)
            if self.ema:
                self.ema.update(self.model, self.step + 1)
        except Exception as error:
            if not is_memory_short(error):
                raise
            raise TrainingError(
                f"out of memory at step {self.step + 1}, when the weights were changed: this model's optimizer state "
                "needs a larger device; the last checkpoint stays"
            ) from None

    def _mean_loss(self) -> torch.Tensor:
        """The loss of the epoch so far, averaged over the processes; every process must ask."""
        return self.ranks.summed(self._epoch_loss / self.ranks.size)

    def _check_finite(self, epoch_loss: torch.Tensor) -> None:
        """Refuse to go on from a loss, or from weights, that are not finite."""
        self._check_loss(epoch_loss)
        require_finite("norm of the weights", nn.utils.get_total_norm(self.parameters), self._place)

    def _check_loss(self, epoch_loss: torch.Tensor) -> None:
        """Refuse to go on from a loss that is not finite. On a GPU this waits for the device."""
        require_finite("loss", epoch_loss, self._place)

    @property
    def _place(self) -> str:
        lr = self.optimizer.param_groups[0]["lr"]
        return f"by step {self.step} of {self.steps} (epoch {self.epochs_done + 1}, lr {lr:.3g})"

    def evaluate(self, limit: int | None = None) -> dict[str, float]:
        """Evaluate on the test split, or on a subset of `limit` pictures, the same for every trial."""
        self.ranks.share_buffers(self.evaluated)
        batches = self.source.test_batches(limit, self.ranks.part)
        return evaluate(self.evaluated, batches, self.tick, self.ranks, self.logits)

    def weights(self) -> bytes:
        """The weights that were evaluated, as the content of a safetensors file."""
        return packed(self.evaluated)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on: model, optimizer, schedule, step and history.

        No random state: every step sets its own (see `studies.training.seeding`).
        """
        state = {
            "model": self.model.state_dict(),
            "optimizer": (self.flat or self.optimizer).state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "step": self.step,
            "epoch_loss": self._epoch_loss,
            "epoch_seconds": self._epoch_seconds,
            "history": self.history,
        }
        if self.ema:
            state["ema"] = self.ema.module.state_dict()
        if self.precision.scaler.is_enabled():
            state["scaler"] = self.precision.scaler.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        (self.flat or self.optimizer).load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])
        if "scaler" in state:
            self.precision.scaler.load_state_dict(state["scaler"])
        self.step, self.history = state["step"], list(state["history"])
        self._epoch_loss, self._epoch_seconds = state["epoch_loss"].to(self.device), state["epoch_seconds"]
