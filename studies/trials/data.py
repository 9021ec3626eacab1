"""Data as specs, one class a kind, told apart by `kind`. What opens them: `studies/training/data`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from searchspace.added import Added
from searchspace.bounds import LARGEST_SIDE, Pictures, Pixels, ShareAbove0, Within
from searchspace.spec import Spec

WHOLE_TURN = 6.283186  # in radians
MOST_BYTES = 4 * 2**30  # of pictures that are made and kept whole
DIGITS = 10
MOST_DIGITS = 3  # in a picture
Side = Annotated[float, Within(0, LARGEST_SIDE, above=True)]
Strength = Annotated[float, Within(0, 1000)]
Interpolation = Literal["bilinear", "bicubic"]


class _Data(Spec):
    """What every kind of data has."""

    validation: Annotated[
        Annotated[float, Within(0, 1, above=True, below=True)] | None,
        Added("0.3.0", None),
    ] = Field(
        None,
        description="share of the training pictures that is held out: a trial learns from the others, and is evaluated "
        "on these instead of the test pictures; none: nothing is",
    )

    @property
    def held_out(self) -> int:
        """Training pictures that are held out for validation."""
        return round(self.train_size * (self.validation or 0.0))  # type: ignore[attr-defined]

    @property
    def learned(self) -> int:
        """Training pictures that a trial learns from."""
        return self.train_size - self.held_out  # type: ignore[attr-defined]

    @model_validator(mode="after")
    def _check_validation(self) -> Self:
        if self.validation and not (self.held_out and self.learned):
            size = self.train_size  # type: ignore[attr-defined]
            raise ValueError(
                f"validation {self.validation:g} of {size} training pictures leaves none "
                f"{'to learn from' if self.held_out else 'for validation'}; 0.5 would work"
            )
        return self


class DigitsSpec(_Data):
    """Placed digits; lengths in pixels, intensities in units of full ink.

    With several digits in a picture (`per_picture`), a class is the number that they make, read from left to right. For
    validation, whole digits are held out, so that no digit is in both parts.
    """

    kind: Literal["digits"]
    img_size: Pixels = 16
    in_chans: Literal[3] = 3
    num_classes: Annotated[int, Within(2, DIGITS**MOST_DIGITS)] = DIGITS
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
    first_class: Annotated[int, Within(0, DIGITS - 1), Added("0.3.0", 0)] = Field(
        0, description="the smallest digit that is used; with num_classes 5, 0 gives the digits 0 to 4, 5 those 5 to 9"
    )
    per_picture: Annotated[int, Within(1, MOST_DIGITS), Added("0.4.0", 1)] = Field(
        1, description="in a picture, side by side; their number, read from left to right, is the class"
    )
    clutter: Annotated[int, Within(0, 64), Added("0.4.0", 0)] = Field(
        0, description="fragments of other digits, half as wide and high, anywhere in a picture"
    )

    @model_validator(mode="after")
    def _check(self) -> "DigitsSpec":
        if not self.min_side <= self.max_side <= self.img_size:
            raise ValueError(
                "a digit must fit its picture: min_side at most max_side at most img_size, got "
                f"{self.min_side:g}, {self.max_side:g} and {self.img_size}"
            )
        if self.per_picture > 1:
            self._check_several()
        elif self.first_class + self.num_classes > DIGITS:
            raise ValueError(
                f"there are the digits 0 to 9: first_class + num_classes must be at most {DIGITS}, got "
                f"{self.first_class} and {self.num_classes}; with first_class {self.first_class}, num_classes of at "
                f"most {DIGITS - self.first_class} would work"
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

    def _check_several(self) -> None:
        classes = DIGITS**self.per_picture
        if self.num_classes != classes or self.first_class:
            raise ValueError(
                f"{self.per_picture} digits make numbers of {classes} classes, from 0: num_classes must be {classes} "
                f"and first_class 0, got {self.num_classes} and {self.first_class}"
            )
        if self.per_picture * self.max_side > self.img_size:
            raise ValueError(
                f"digits stand side by side: {self.per_picture} digits of max_side {self.max_side:g} need img_size "
                f"{self.per_picture * self.max_side:g}, got {self.img_size}; max_side of at most "
                f"{self.img_size / self.per_picture:g} would work"
            )


class Cifar10Spec(_Data):
    """CIFAR-10 as it is distributed: 32 x 32 pixels (Krizhevsky 2009), resized if `img_size` is another."""

    kind: Literal["cifar10"]
    img_size: Annotated[int, Within(8, 1024)] = Field(
        32, description="side of the pictures, in pixels; another than 32 is interpolated (bicubic)"
    )
    in_chans: Literal[3] = 3
    num_classes: Literal[10] = 10
    train_size: Annotated[int, Within(1, 50_000)] = Field(50_000, description="the first so many training pictures")
    test_size: Annotated[int, Within(1, 10_000)] = Field(10_000, description="the first so many test pictures")


class Cifar100Spec(Cifar10Spec):
    """CIFAR-100 with its fine labels."""

    kind: Literal["cifar100"]  # type: ignore[assignment]
    num_classes: Literal[100] = 100  # type: ignore[assignment]


class FolderSpec(_Data):
    """Pictures in files, a folder a class, in a folder for each split: ImageNet, and data sets laid out as it is."""

    kind: Literal["folder"]
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="of the data set, and of its folder where there is one"
    )
    img_size: Annotated[int, Within(8, LARGEST_SIDE)] = Field(224, description="side of the pictures, in pixels")
    in_chans: Literal[3] = 3
    num_classes: Annotated[int, Within(2, 1_000_000)] = 1000
    train_size: Pictures = Field(
        1_281_167, description="training pictures: all there are, or a random subset that is always the same"
    )
    test_size: Pictures = Field(50_000, description="test pictures, likewise")
    train_split: str = Field("train", min_length=1, description="name of the training split")
    test_split: str = Field("val", min_length=1, description="name of the split that accuracies are over")
    crop_pct: ShareAbove0 = Field(0.9, description="share of a test picture's side that is kept")
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
