"""Small trials, and their histories without what the clock says."""

from collections.abc import Iterable, Mapping
from typing import Any

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

TIMES = {"seconds", "train_seconds", "images_per_second"}


def trial(scale: Scale, name: str = "t2t_vit_14", seed: int = 0, **recipe: object) -> TrialSpec:
    """A preset at a scale, with changes of the recipe."""
    model = shrink(preset(name), scale.shrink, 16, 3, 10)
    return TrialSpec(model=model, data=scale.data, recipe=scale.recipe.model_copy(update=recipe), seed=seed)


def numbers(history: Iterable[Mapping[str, Any]]) -> list[dict]:
    """A history without what the clock says."""
    return [{key: value for key, value in record.items() if key not in TIMES} for record in history]


def finish(trainer: Trainer) -> list[dict]:
    """The numbers of a trial that is trained to its end."""
    while not trainer.done:
        trainer.train_epoch()
    return numbers(trainer.history)
