"""Scales: a data set, a training recipe, and the rule that shrinks the paper's models to it. No torch here."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from searchspace.expand import SpecError, from_validation, set_field
from searchspace.shrink import Shrink
from searchspace.spec import Spec, to_dict
from studies.trials.data import DataSpec
from studies.trials.recipe import Recipe

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def _fitting_decay(steps: int) -> float:
    """A decay whose average is over a tenth of a run."""
    return max(0.1, round(1 - 10 / steps, 6))


class Scale(Spec):
    """A data set, a recipe and a shrink rule; and stages, which are changes of them that an arm can ask for."""

    scale: str = Field(pattern=NAME, description="name: letters, digits, _, . and -")
    description: str
    shows: str = Field("", description="what results at this scale can and cannot show")
    data: DataSpec
    shrink: Shrink = Shrink()
    recipe: Recipe
    stages: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] = Field(
        {},
        description="name: changes by dotted name, `data.img_size: 384` or `recipe.epochs: 30`; with `scale`, of that "
        "scale, by name or path, instead of this one. An arm asks for one by `stage: NAME`",
    )

    @model_validator(mode="after")
    def _check(self) -> "Scale":
        if self.recipe.batch_size > self.data.train_size:
            raise ValueError(
                "recipe.batch_size must be at most data.train_size, got "
                f"{self.recipe.batch_size} and {self.data.train_size}"
            )
        ema, steps = self.recipe.ema, self.recipe.epochs * (self.data.train_size // self.recipe.batch_size)
        if ema and not ema.warmup and ema.decay > 1 - 1 / steps:
            raise ValueError(
                f"recipe.ema.decay {ema.decay:g} averages over {1 / (1 - ema.decay):,.0f} steps, and the run has "
                f"{steps:,}: it would keep the initial weights; a decay of at most {_fitting_decay(steps):g} would "
                "work, or warmup: true"
            )
        return self


def changed(scale: Scale, data: Mapping[str, Any], recipe: Mapping[str, Any]) -> Scale:
    """A scale with fields of its data and its recipe replaced, by dotted name; another `kind` of data has its defaults.

    Raises:
        SpecError: for an unknown field (with the nearest names), or if the result breaks an invariant.
    """
    if not (data or recipe):
        return scale
    plain = to_dict(scale)
    rest = dict(data)
    if "kind" in data and data["kind"] != scale.data.kind:
        plain["data"], rest = dict(data), {}
    for part, changes in (("data", rest), ("recipe", recipe)):
        for path, value in changes.items():
            try:
                set_field(plain[part], type(getattr(scale, part)), path, value)
            except SpecError as error:
                raise SpecError(f"{part}: {error}", f"{part}.{path}", error.kind) from None
    try:
        return Scale.model_validate(plain)
    except ValidationError as error:
        raise from_validation(error, plain) from None
