"""Data as specs, one class a kind, told apart by `kind`. What opens them: `studies/training/data`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from searchspace.bounds import LARGEST_SIDE, Pictures, Pixels, Within
from searchspace.spec import Spec

WHOLE_TURN = 6.283186  # in radians
MOST_BYTES = 4 * 2**30  # of pictures that are made and kept whole
Side = Annotated[float, Within(0, LARGEST_SIDE, above=True)]
Strength = Annotated[float, Within(0, 1000)]


class DigitsSpec(Spec):
    """Placed digits; lengths in pixels, intensities in units of full ink."""

    kind: Literal["digits"]
    img_size: Pixels = 16
    in_chans: Literal[3] = 3
    num_classes: Literal[10] = 10
    train_size: Pictures = 8192
    test_size: Pictures = 8192
    min_side: Side = Field(11.0, description="smallest side of a digit")
    max_side: Side = Field(14.0, description="largest side of a digit")
    rotation: Annotated[float, Within(0, WHOLE_TURN)] = Field(0.3, description="largest turn either way, in radians")
    contrast: Annotated[float, Within(0, 1000, above=True)] = Field(
        0.8, description="mean strength of the ink, before the colour"
    )
    background: Strength = Field(0.05, description="amplitude of the smooth background")
    noise: Strength = Field(0.02, description="standard deviation of the noise of a pixel")
    seed: Annotated[int, Within(-(2**63), 2**63 - 1)] = Field(0, description="of the pictures, not of the training")

    @model_validator(mode="after")
    def _check(self) -> "DigitsSpec":
        if not self.min_side <= self.max_side <= self.img_size:
            raise ValueError(
                "a digit must fit its picture: min_side at most max_side at most img_size, got "
                f"{self.min_side:g}, {self.max_side:g} and {self.img_size}"
            )
        picture = 4 * self.in_chans * self.img_size**2
        if (self.train_size + self.test_size) * picture > MOST_BYTES:
            worst = "train_size" if self.train_size >= self.test_size else "test_size"
            raise ValueError(
                f"{worst} {getattr(self, worst)} is too large: at img_size {self.img_size}, {self.train_size} and "
                f"{self.test_size} pictures would take {(self.train_size + self.test_size) * picture / 2**30:.3g} GiB "
                f"of memory, and at most {MOST_BYTES // 2**30} GiB are made, {MOST_BYTES // picture} pictures in all"
            )
        return self


class Cifar10Spec(Spec):
    """CIFAR-10 as it is distributed: 32 x 32 pixels (Krizhevsky 2009)."""

    kind: Literal["cifar10"]
    img_size: Literal[32] = 32
    in_chans: Literal[3] = 3
    num_classes: Literal[10] = 10
    train_size: Annotated[int, Within(1, 50_000)] = Field(50_000, description="the first so many training pictures")
    test_size: Annotated[int, Within(1, 10_000)] = Field(10_000, description="the first so many test pictures")


class Cifar100Spec(Cifar10Spec):
    """CIFAR-100 with its fine labels."""

    kind: Literal["cifar100"]  # type: ignore[assignment]
    num_classes: Literal[100] = 100  # type: ignore[assignment]


DataSpec = Annotated[DigitsSpec | Cifar10Spec | Cifar100Spec, Field(discriminator="kind")]
