"""Scales: a data set, a training recipe, and the rule that shrinks the paper's models to it. No torch here."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from searchspace.bounds import Width
from searchspace.expand import SpecError, from_validation, nearest, set_field
from searchspace.presets import lineage, names
from searchspace.shrink import Shrink
from searchspace.spec import ModelSpec, Spec, to_dict
from studies.trials.data import DataSpec, DigitsSpec
from studies.trials.recipe import Recipe

RATES = ("lr", "min_lr", "warmup_lr")  # of a recipe, that go by width
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
    lr_base_width: Width | None = Field(
        None,
        description="width of the tokens at which the recipe's learning rates hold: with AdamW, a model of mean width "
        "w learns at lr_base_width / w times lr, min_lr and warmup_lr, of `presets` and stages too, unless an arm sets "
        "recipe.lr itself (muP, arXiv 2203.03466). None: one rate for all models",
    )
    presets: dict[str, dict[str, Any]] = Field(
        {},
        description="recipe fields, by dotted name, for arms that start from a preset or from one that is based on it; "
        "what an arm says itself wins",
    )
    stages: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] = Field(
        {},
        description="name: changes by dotted name, `data.img_size: 384` or `recipe.epochs: 30`; with `scale`, of that "
        "scale, by name or path, instead of this one. An arm asks for one by `stage: NAME`",
    )

    def recipe_of(self, preset: str) -> dict[str, Any]:
        """What `presets` says of the recipe of arms that start from a preset; the nearest base has the last word."""
        chain = lineage(preset) if self.presets else ()
        return {path: value for name in chain for path, value in self.presets.get(name, {}).items()}

    def recipe_for(self, model: ModelSpec) -> Recipe:
        """The recipe of a model, whose rates go by 1 / mean width if the scale has `lr_base_width`.

        Raises:
            SpecError: if a rate is then out of bounds.
        """
        recipe, backbone = self.recipe, getattr(model, "backbone", None)
        if self.lr_base_width is None or backbone is None or recipe.opt != "adamw":
            return recipe
        widths = [width for block in backbone.widths() for width in block]
        share = self.lr_base_width * len(widths) / sum(widths)
        if share == 1:
            return recipe
        plain = to_dict(recipe)
        plain |= {name: plain[name] and float(f"{plain[name] * share:.4g}") for name in RATES}
        try:
            return Recipe.model_validate(plain)
        except ValidationError as error:
            raise from_validation(error, plain) from None

    @model_validator(mode="after")
    def _check(self) -> "Scale":
        if self.recipe.batch_size > self.data.learned:
            less = f" less the {self.data.held_out} held out for validation" if self.data.held_out else ""
            raise ValueError(
                "recipe.batch_size must be at most data.train_size, got "
                f"{self.recipe.batch_size} and {self.data.train_size}{less}"
            )
        if self.recipe.shift >= self.data.img_size:
            raise ValueError(
                "recipe.shift must be less than data.img_size, so that something of a picture is left, got "
                f"{self.recipe.shift} and {self.data.img_size}"
            )
        augment = self.recipe.augment
        if augment and (augment.auto_augment or augment.color_jitter) and isinstance(self.data, DigitsSpec):
            raise ValueError(
                "recipe.augment.auto_augment and color_jitter change the colours of bytes, and the pictures of digits "
                "are made normalised; of augment, crop, hflip and reprob work with them"
            )
        ema, steps = self.recipe.ema, self.recipe.epochs * (self.data.learned // self.recipe.batch_size)
        if ema and not ema.warmup and ema.decay > 1 - 1 / steps:
            raise ValueError(
                f"recipe.ema.decay {ema.decay:g} averages over {1 / (1 - ema.decay):,.0f} steps, and the run has "
                f"{steps:,}: it would keep the initial weights; a decay of at most {_fitting_decay(steps):g} would "
                "work, or warmup: true"
            )
        for name, recipe in self.presets.items():
            if name not in names():
                raise ValueError(f"presets: unknown preset {name!r}{nearest(name, names())}")
            try:
                changed(self.model_copy(update={"presets": {}}), {}, recipe)
            except SpecError as error:
                raise ValueError(f"presets.{name}: {error}") from None
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
