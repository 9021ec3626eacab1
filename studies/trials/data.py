"""Data as specs, one class a kind, told apart by `kind`. What opens them: `studies/training/data`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from searchspace.spec import Spec


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


class Cifar10Spec(Spec):
    """CIFAR-10 as it is distributed: 32 x 32 pixels (Krizhevsky 2009)."""

    kind: Literal["cifar10"]
    img_size: Literal[32] = 32
    in_chans: Literal[3] = 3
    num_classes: Literal[10] = 10
    train_size: int = Field(50_000, ge=1, le=50_000, description="the first so many training pictures")
    test_size: int = Field(10_000, ge=1, le=10_000, description="the first so many test pictures")


class Cifar100Spec(Cifar10Spec):
    """CIFAR-100 with its fine labels."""

    kind: Literal["cifar100"]  # type: ignore[assignment]
    num_classes: Literal[100] = 100  # type: ignore[assignment]


DataSpec = Annotated[DigitsSpec | Cifar10Spec | Cifar100Spec, Field(discriminator="kind")]
