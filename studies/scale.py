"""Scales: a data set, a training recipe, and the rule that shrinks the paper's models to it. No torch here."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from searchspace.expand import SpecError, nearest
from searchspace.shrink import Shrink
from searchspace.spec import Spec
from studies.yaml_file import YamlFile

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
Beta = Annotated[float, Field(ge=0, lt=1)]
FOLDER = Path(__file__).with_name("scales")


class DigitsSpec(Spec):
    """Placed digits; lengths in pixels, intensities in units of full ink."""

    kind: Literal["digits"]
    img_size: PositiveInt = 16
    in_chans: Literal[3] = 3
    num_classes: Literal[10] = 10
    train_size: PositiveInt = 8192
    test_size: PositiveInt = 8192
    min_side: PositiveFloat = Field(11.0, description="smallest side of a digit")
    max_side: PositiveFloat = Field(14.0, description="largest side of a digit")
    rotation: float = Field(0.3, ge=0, description="largest turn, in radians")
    contrast: PositiveFloat = Field(0.8, description="mean strength of the ink, before the colour")
    background: float = Field(0.05, ge=0, description="amplitude of the smooth background")
    noise: float = Field(0.02, ge=0, description="standard deviation of the noise of a pixel")
    seed: int = Field(0, description="of the pictures, not of the training")

    @model_validator(mode="after")
    def _check(self) -> "DigitsSpec":
        if not self.min_side <= self.max_side <= self.img_size:
            raise ValueError(
                "a digit must fit its picture: min_side at most max_side at most img_size, got "
                f"{self.min_side:g}, {self.max_side:g} and {self.img_size}"
            )
        return self


class Recipe(Spec):
    """How every arm is trained: AdamW, warm-up and cosine by step. Names as in timm's training script."""

    epochs: PositiveInt
    batch_size: PositiveInt
    lr: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    min_lr: float = Field(0.0, ge=0)
    warmup_fraction: float = Field(0.1, ge=0, lt=1, description="share of all steps")
    weight_decay: float = Field(0.05, ge=0)
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    clip_grad: float | None = Field(1.0, description="largest norm of the gradient")
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    interim_test: PositiveInt | None = Field(
        None, description="test pictures looked at after every epoch but the last, which sees all; none: all"
    )
    shift: int = Field(0, ge=0, description="largest random shift of a picture, in pixels")


class Scale(Spec):
    """A data set, a recipe and a shrink rule."""

    scale: str = Field(pattern=NAME, description="name: letters, digits, _, . and -")
    description: str
    shows: str = Field("", description="what results at this scale can and cannot show")
    data: DigitsSpec
    shrink: Shrink = Shrink()
    recipe: Recipe

    @model_validator(mode="after")
    def _check(self) -> "Scale":
        if self.recipe.batch_size > self.data.train_size:
            raise ValueError(
                "recipe.batch_size must be at most data.train_size, got "
                f"{self.recipe.batch_size} and {self.data.train_size}"
            )
        return self


def names() -> list[str]:
    """All scales that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_scale(name: str) -> Scale:
    """A scale by name, or a file of the user's by path.

    Raises:
        SpecError: if there is none of that name (with the nearest names), or its file is wrong.
    """
    if name in names():
        return YamlFile(FOLDER / f"{name}.yaml").validate(Scale)
    if name.endswith((".yaml", ".yml")):
        return YamlFile(Path(name)).validate(Scale)
    raise SpecError(f"unknown scale {name!r}{nearest(name, names())}; a file of yours is named with its .yaml")
