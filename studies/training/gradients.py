"""Gradients of a batch: accumulated over micro-batches, which become smaller where memory is short, and averaged over
the processes that train together."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from timm.layers import convert_sync_batchnorm  # torch's own drops the activations of timm's fused norms
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from studies.training.data.part import Part
from studies.training.data.source import Source
from studies.training.devices import memory_format
from studies.training.draws import Draws
from studies.training.errors import MemoryShortError, TrainingError
from studies.training.execution import Execution, micro_batches
from studies.training.losses import Loss
from studies.training.mixing import Mixer
from studies.training.precision import Precision
from studies.training.ranks import Ranks
from studies.trials.shortage import is_memory_short
from studies.trials.trial import TrialSpec


class Gradients:
    """Leaves the gradients of a step in the parameters of a model.

    Args:
        trial: what is trained.
        model: of the trial, on its device.
        loss: of the trial.
        source: gives the batches.
        precision: of the forward pass.
        execution: micro-batches and compilation.
        ranks: the processes that train the trial together.
        say: is told what happened, for people.

    Attributes:
        micro_batches: in how many parts this process trains its share of a batch.

    Raises:
        ValueError: if the batch cannot be cut as asked.
    """

    def __init__(
        self,
        trial: TrialSpec,
        model: nn.Module,
        loss: Loss,
        source: Source,
        precision: Precision,
        execution: Execution,
        ranks: Ranks,
        say: Callable[[str], None],
    ) -> None:
        self.trial, self.model, self.loss, self.source = trial, model, loss, source
        self.precision, self.ranks, self.say = precision, ranks, say
        self.micro_batches = micro_batches(trial.recipe.batch_size, ranks.size, execution.micro_batch)
        self.mixer = Mixer(trial.recipe, trial.data.num_classes)
        self.device = precision.device
        self.memory_format = memory_format(trial.model, self.device)
        self._compile = execution.compile
        self._parameters = list(model.parameters())
        self._forward: Any = None
        self._draws: Draws | None = None

    @property
    def forward(self) -> Any:
        """The model as training calls it: gradients averaged over the processes, compiled if asked.

        Made at the first step, when a checkpoint is loaded: all processes begin with the weights of rank 0.
        """
        if self._forward is None:
            model: Any = self.model
            if self.ranks.size > 1:
                if self.device.type == "cuda":  # batch statistics over all devices; torch has this for CUDA alone
                    convert_sync_batchnorm(model)  # in place: no model is a batch norm itself
                model = DistributedDataParallel(model)
            self._forward = torch.compile(model) if self._compile else model
        return self._forward

    def __call__(self, epoch: int, index: int) -> torch.Tensor:
        """Gradients of a batch of an epoch; the mean loss of this process's part of it.

        Without the memory for them, they are begun again with micro-batches of half the size. What batch norms have
        seen of the first try stays in their running means.

        Raises:
            MemoryShortError: if memory is short and other processes wait for this one: they must know too.
            TrainingError: if a micro-batch has two pictures already.
        """
        while True:
            try:
                return self._accumulated(epoch, index)
            except Exception as error:
                if not is_memory_short(error):
                    raise
            self._halve(epoch, index)  # here the error is gone, and with it the activations that it held

    def _accumulated(self, epoch: int, index: int) -> torch.Tensor:
        trial = self.trial
        step = epoch * self.source.steps_per_epoch(trial.recipe.batch_size) + index
        for parameter in self._parameters:
            parameter.grad = None  # as `zero_grad` does, which walks the whole model for them
        total = torch.zeros((), device=self.device)
        parts = self.ranks.part.split(self.micro_batches)
        for part in parts:
            x, y = self.source.train_batch(trial.recipe, trial.seed, epoch, index, part)
            x, target = self.mixer(x, y, trial.seed, step)
            with nullcontext() if part is parts[-1] else self._unsynchronised(), self._drawing(part):
                with self.precision.autocast():
                    x = x.contiguous(memory_format=self.memory_format)
                    loss = self.loss(self.forward(x), target, x) / len(parts)
                self.precision.backward(loss)
            total += loss.detach()
        return total

    def _drawing(self, part: Part) -> AbstractContextManager[None]:
        """Dropout and stochastic depth take the values of the whole batch, from the random state of its step."""
        if part.count == 1:
            return nullcontext()
        if self._draws is None:
            self._draws = Draws()
            self._draws.apply(self.model)
        size = self.trial.recipe.batch_size
        return self._draws.of(part.rows(size), size)

    def _unsynchronised(self) -> Any:
        """Gradients are averaged over the processes once a step, with the last micro-batch."""
        return self.forward.no_sync() if self.ranks.size > 1 else nullcontext()

    def _halve(self, epoch: int, index: int) -> None:
        """Train in micro-batches of half the size from now on."""
        self.model.zero_grad()
        torch.cuda.empty_cache()
        batch_size = self.trial.recipe.batch_size
        smaller = batch_size // (2 * self.ranks.size * self.micro_batches)
        if self.ranks.size > 1:
            raise MemoryShortError(f"out of memory with micro-batches of {2 * smaller} pictures")
        try:
            self.micro_batches = micro_batches(batch_size, 1, smaller)
        except ValueError:
            raise TrainingError(
                "out of memory with a micro-batch of 2 pictures: this model needs a larger device"
            ) from None
        step = epoch * self.source.steps_per_epoch(batch_size) + index + 1
        self.say(
            f"out of memory at step {step}: micro-batches of {batch_size // self.micro_batches} pictures from there, "
            f"the batch stays {batch_size}"
        )
