"""One trial: model, data, optimizer and schedule, an epoch at a time, resumable to the last bit.

Order, augmentation, dropout and initial weights are functions of the seed and the step, so that a trial that was
interrupted and resumed from a checkpoint ends with the numbers of the uninterrupted one.
"""

import hashlib
import random
import time
from math import ceil, isfinite
from typing import Any

import torch
import torch.nn.functional as F
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import nn

from searchspace.build import build
from studies import data
from studies.trial import TrialSpec

EVALUATION_BATCH = 512


class TrainingError(RuntimeError):
    """A trial that cannot go on: its loss is not a number, say."""


class Trainer:
    """Trains one trial on one device.

    Attributes:
        epochs_done: epochs trained so far.
        history: a record for each of them.
    """

    def __init__(self, trial: TrialSpec, device: str | torch.device = "cpu") -> None:
        self.trial, self.device = trial, torch.device(device)
        recipe = trial.recipe
        self.splits = data.load(trial.data, self.device)
        self.steps_per_epoch = len(self.splits["train"]) // recipe.batch_size
        self.steps = recipe.epochs * self.steps_per_epoch
        seed_all(trial.seed, "initial weights")
        self.model: nn.Module = build(trial.model).to(self.device)
        self.optimizer = create_optimizer_v2(
            self.model, "adamw", recipe.lr, recipe.weight_decay, betas=recipe.betas, fused=True
        )
        warmup = ceil(recipe.warmup_fraction * self.steps)
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
        self.history: list[dict[str, Any]] = []

    @property
    def epochs_done(self) -> int:
        """Whole epochs trained so far."""
        return len(self.history)

    @property
    def done(self) -> bool:
        """Whether all epochs of the recipe are trained."""
        return self.epochs_done >= self.trial.recipe.epochs

    def train_epoch(self) -> dict[str, Any]:
        """Train one epoch, evaluate, and append the record to the history.

        Raises:
            TrainingError: if the loss is not finite.
        """
        recipe = self.trial.recipe
        start = time.perf_counter()
        train_loss = self.train_steps(self.steps_per_epoch)
        seconds = time.perf_counter() - start
        if not isfinite(train_loss):
            raise TrainingError(f"the loss is {train_loss} in epoch {self.epochs_done + 1}: try a lower lr")
        last = self.epochs_done + 1 == recipe.epochs
        record = {
            "epoch": self.epochs_done + 1,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": train_loss,
            **self.evaluate(limit=None if last else recipe.interim_test),
            "train_seconds": seconds,
            "seconds": time.perf_counter() - start,
            "images_per_second": self.steps_per_epoch * recipe.batch_size / seconds,
        }
        self.history.append(record)
        return record

    def train_steps(self, count: int) -> float:
        """Train the next steps, within an epoch; their mean loss."""
        recipe, train = self.trial.recipe, self.splits["train"]
        self.model.train()
        epoch, first = divmod(self.step, self.steps_per_epoch)
        seed_all(self.trial.seed, "order", epoch)
        order = torch.randperm(len(train), device=self.device)
        total = torch.zeros((), device=self.device)
        for i in range(first, first + count):
            batch = order[i * recipe.batch_size : (i + 1) * recipe.batch_size]
            seed_all(self.trial.seed, "step", self.step)
            x = data.shifted(train.x[batch], recipe.shift)
            loss = self._loss(self.model(x), train.y[batch])
            self.optimizer.zero_grad()
            loss.backward()
            if recipe.clip_grad:
                nn.utils.clip_grad_norm_(self.parameters, recipe.clip_grad)
            self.optimizer.step()
            total += loss.detach()
            self.step += 1
            self.scheduler.step_update(self.step)
        return total.item() / count

    def _loss(self, logits: torch.Tensor | tuple[torch.Tensor, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        """Cross entropy; an auxiliary classifier's counts 0.4, as in torchvision's reference training."""
        if isinstance(logits, tuple):
            return self._loss(logits[0], y) + 0.4 * self._loss(logits[1], y)
        return F.cross_entropy(logits, y, label_smoothing=self.trial.recipe.label_smoothing)

    def evaluate(self, limit: int | None = None) -> dict[str, float]:
        """Evaluate on the test split, or on its first `limit` pictures."""
        test = self.splits["test"]
        return evaluate(self.model, data.Pictures(test.x[:limit], test.y[:limit]))

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on: model, optimizer, schedule, random states, step and history."""
        cuda = torch.cuda.get_rng_state_all() if self.device.type == "cuda" else []
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "random": {"python": random.getstate(), "torch": torch.get_rng_state(), "cuda": cuda},
            "step": self.step,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; the random states are those of the moment it was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        random.setstate(state["random"]["python"])
        torch.set_rng_state(state["random"]["torch"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state_all(state["random"]["cuda"])
        self.step, self.history = state["step"], list(state["history"])


@torch.inference_mode()
def evaluate(model: nn.Module, split: data.Pictures) -> dict[str, float]:
    """Top-1 and top-5 accuracy in %, the mean cross entropy, and how many pictures they are over."""
    model.eval()
    top1 = top5 = loss = 0.0
    for x, y in zip(split.x.split(EVALUATION_BATCH), split.y.split(EVALUATION_BATCH), strict=True):
        logits = model(x)
        best = logits.topk(min(5, logits.shape[1])).indices == y[:, None]
        top1 += best[:, 0].sum().item()
        top5 += best.sum().item()
        loss += F.cross_entropy(logits, y, reduction="sum").item()
    n = len(split)
    return {"top1": 100 * top1 / n, "top5": 100 * top5 / n, "loss": loss / n, "test_pictures": n}


def seed_all(seed: int, *names: object) -> None:
    """Set every random state to a function of the seed and the names (`order` and the epoch, say)."""
    text = "/".join(map(str, (seed, *names)))
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
    torch.default_generator.manual_seed(value)  # torch.manual_seed asks every kind of device, at every step
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(value)
    random.seed(value)


def use_one_thread() -> None:
    """One core a trial: the models of small scales gain nothing from more, and sums come out the same everywhere."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
