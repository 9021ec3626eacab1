"""Data as specs, one class a kind, told apart by `kind`. What opens them: `studies/training/data`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from searchspace.identity import Added
from searchspace.spec import Spec

DIGITS = 10
Interpolation = Literal["bilinear", "bicubic"]


class DigitsSpec(Spec):
    """Placed digits; lengths in pixels, intensities in units of full ink."""

    kind: Literal["digits"]
    img_size: PositiveInt = 16
    in_chans: Literal[3] = 3
    num_classes: Annotated[int, Field(ge=2, le=DIGITS)] = DIGITS
    train_size: PositiveInt = 8192
    test_size: PositiveInt = 8192
    min_side: PositiveFloat = Field(11.0, description="smallest side of a digit")
    max_side: PositiveFloat = Field(14.0, description="largest side of a digit")
    rotation: float = Field(0.3, ge=0, description="largest turn, in radians")
    contrast: PositiveFloat = Field(0.8, description="mean strength of the ink, before the colour")
    background: float = Field(0.05, ge=0, description="amplitude of the smooth background")
    noise: float = Field(0.02, ge=0, description="standard deviation of the noise of a pixel")
    seed: int = Field(0, description="of the pictures, not of the training")
    first_class: Annotated[int, Field(ge=0, lt=DIGITS), Added("0.3.0", 0)] = Field(
        0, description="the smallest digit that is used; with num_classes 5, 0 gives the digits 0 to 4, 5 those 5 to 9"
    )

    @model_validator(mode="after")
    def _check(self) -> "DigitsSpec":
        if not self.min_side <= self.max_side <= self.img_size:
            raise ValueError(
                "a digit must fit its picture: min_side at most max_side at most img_size, got "
                f"{self.min_side:g}, {self.max_side:g} and {self.img_size}"
            )
        if self.first_class + self.num_classes > DIGITS:
            raise ValueError(
                f"there are the digits 0 to 9: first_class + num_classes must be at most {DIGITS}, got "
                f"{self.first_class} and {self.num_classes}; with first_class {self.first_class}, num_classes of at "
                f"most {DIGITS - self.first_class} would work"
            )
        return self


class Cifar10Spec(Spec):
    """CIFAR-10 as it is distributed: 32 x 32 pixels (Krizhevsky 2009), resized if `img_size` is another."""

    kind: Literal["cifar10"]
    img_size: Annotated[int, Field(ge=8, le=1024)] = Field(
        32, description="side of the pictures, in pixels; another than 32 is interpolated (bicubic)"
    )
    in_chans: Literal[3] = 3
    num_classes: Literal[10] = 10
    train_size: int = Field(50_000, ge=1, le=50_000, description="the first so many training pictures")
    test_size: int = Field(10_000, ge=1, le=10_000, description="the first so many test pictures")


class Cifar100Spec(Cifar10Spec):
    """CIFAR-100 with its fine labels."""

    kind: Literal["cifar100"]  # type: ignore[assignment]
    num_classes: Literal[100] = 100  # type: ignore[assignment]


class FolderSpec(Spec):
    """Pictures in files, a folder a class, in a folder for each split: ImageNet, and data sets laid out as it is."""

    kind: Literal["folder"]
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="of the data set, and of its folder where there is one"
    )
    img_size: Annotated[int, Field(ge=8, le=2048)] = Field(224, description="side of the pictures, in pixels")
    in_chans: Literal[3] = 3
    num_classes: Annotated[int, Field(ge=2, le=100_000)] = 1000
    train_size: Annotated[int, Field(ge=1, le=10**9)] = Field(
        1_281_167, description="training pictures: all there are, or a random subset that is always the same"
    )
    test_size: Annotated[int, Field(ge=1, le=10**9)] = Field(50_000, description="test pictures, likewise")
    train_split: str = Field("train", min_length=1, description="name of the training split")
    test_split: str = Field("val", min_length=1, description="name of the split that accuracies are over")
    crop_pct: float = Field(0.9, gt=0, le=1, description="share of a test picture's side that is kept")
    interpolation: Interpolation = Field("bicubic", description="of test pictures")


class TimmDataSpec(FolderSpec):
    """A data set that timm's `create_dataset` opens: tar files of pictures, Hugging Face data sets, torchvision's."""

    kind: Literal["timm"]  # type: ignore[assignment]
    name: str = Field(
        min_length=1,
        max_length=200,
        description="as timm names it: hfds/uoft-cs/cifar10, wds/imagenet, torch/places365",
    )


DataSpec = Annotated[DigitsSpec | Cifar10Spec | Cifar100Spec | FolderSpec | TimmDataSpec, Field(discriminator="kind")]
DATA_KINDS = (DigitsSpec, Cifar10Spec, Cifar100Spec, FolderSpec, TimmDataSpec)
