"""Training that is interrupted within an epoch."""

import io
import random
from collections.abc import Callable

import pytest
import torch
from parenthood import PARENT, STUDENT, TOKEN, small, trial, weighted
from trainings import finish

from searchspace.expand import override
from searchspace.spec import ModelSpec
from studies.training.parents import (
    Parents,
)
from studies.training.trainer import Trainer
from studies.trials.recipe import Augment, Ema
from studies.trials.scale import Scale
from studies.trials.trial import Teacher

KINDS: dict[str, tuple[ModelSpec, dict]] = {
    "plain": (STUDENT, {}),
    "batch norm": (small("resnet50"), {}),
    "dropout": (override(STUDENT, {"drop_rate": 0.3, "backbone.drop_path_rate": 0.2, "backbone.depth": 2}), {}),
    "taught, one head": (STUDENT, {"teacher": Teacher(trial=PARENT, kind="soft", tau=2)}),
    "taught, token": (TOKEN, {"teacher": Teacher(trial=PARENT)}),
    "pretrained": (override(weighted()[0], {"backbone.depth": 6}), {"pretrained": PARENT}),
    "mixed and averaged": (STUDENT, {"recipe": {"augment": Augment(mixup=0.8, cutmix=1.0), "ema": Ema(decay=0.8)}}),
    "momentum, two rates": (STUDENT, {"recipe": {"opt": "momentum", "backbone_lr_scale": 0.1}}),
    "both": (weighted()[0], {"teacher": Teacher(trial=PARENT, alpha=0.3), "pretrained": PARENT}),
}


def at_steps(trainer: Trainer, steps: set[int]) -> Callable[[], bool]:
    return lambda: trainer.step in steps


def written_and_read(state: dict) -> dict:
    """A state as it comes back from a file."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [{1}, {3}, {6}, {1, 2, 3, 4, 5, 6, 7, 8}], ids=str)
def test_a_trial_interrupted_within_an_epoch_ends_with_the_numbers_of_one_that_was_not(
    scale: Scale, kind: str, steps: set[int]
) -> None:
    model, needs = KINDS[kind]
    changes = needs.get("recipe", {})
    scale = scale.model_copy(update={"recipe": scale.recipe.model_copy(update=changes)})
    asked = trial(scale, model, **{name: value for name, value in needs.items() if name != "recipe"})
    parents = Parents({PARENT: weighted()}.get)
    whole = Trainer(asked, parents=parents)
    expected = finish(whole)
    assert whole.steps_per_epoch == 4 and whole.step == 8

    trainer, interruptions = Trainer(asked, parents=parents), []
    while not trainer.done:
        record = trainer.train_epoch(at_steps(trainer, steps))
        if record is None:
            interruptions.append(trainer.step)
        state = written_and_read(trainer.state_dict())
        torch.manual_seed(random.randrange(10**6))  # another process, another past
        trainer = Trainer(asked, parents=parents)
        trainer.load_state_dict(state)
    assert interruptions == sorted(steps - {4, 8}), "after the last step of an epoch there is nothing to interrupt"
    assert finish(trainer) == expected
    assert trainer.weights() == whole.weights()


def test_an_interrupted_epoch_goes_on_in_the_same_process_too(scale: Scale) -> None:
    trainer = Trainer(trial(scale))
    assert trainer.train_epoch(lambda: True) is None
    assert (trainer.step, trainer.epochs_done, trainer.history) == (1, 0, [])
    assert trainer.train_epoch(at_steps(trainer, {3})) is None
    assert trainer.step == 3
    record = trainer.train_epoch(lambda: True)
    assert record is not None and record["epoch"] == 1
    assert finish(trainer) == finish(Trainer(trial(scale)))
