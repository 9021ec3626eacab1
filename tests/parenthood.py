"""Small models that start from one another."""

from functools import cache

import torch

from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.language.scale_file import load_scale
from studies.training.parents import Parent, packed
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

PARENT = "0" * 16
DIGITS = load_scale("digits")


def small(name: str, **changes: object) -> ModelSpec:
    """A preset at scale digits, then changed (`__` for the dots)."""
    model = shrink(preset(name), DIGITS.shrink, 16, 3, 10)
    return override(model, {key.replace("__", "."): value for key, value in changes.items()})


STUDENT = small("t2t_vit_14", backbone__depth=1, backbone__embed_dim=24)
TOKEN = override(STUDENT, {"distilled": True})


@cache
def weighted(spec: str = "", seed: int = 7) -> Parent:
    """A model with weights of its own: a ViT, or a preset at scale digits."""
    torch.manual_seed(seed)
    model = small(spec or "vit_dn")
    return model, packed(build(model))


def trial(scale: Scale, model: ModelSpec = STUDENT, **changes: object) -> TrialSpec:
    recipe = {key: changes.pop(key) for key in list(changes) if key in type(scale.recipe).model_fields}
    asked = TrialSpec(model=model, data=scale.data, recipe=scale.recipe.model_copy(update=recipe), seed=1)
    return asked.model_copy(update=changes)
