"""How a trial is trained. A field that is added later carries `Added` (see `searchspace.identity`)."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from searchspace.added import Added
from searchspace.bounds import LARGEST_SIDE, Pictures, Share, ShareBelow1, Within
from searchspace.spec import Spec
from studies.trials.rand_augment import rand_augment

Rate = Annotated[float, Within(0, 1000)]
Alpha = Annotated[float, Within(0, 100)]
Ratio = Annotated[float, Within(0, 100, above=True)]


class Augment(Spec):
    """Random changes of training pictures; names and defaults as in timm's training script.

    In this order: crop, flip, automatic augmentation or colour jitter, normalisation, erasing; then, over the batch,
    mixup or cutmix.
    """

    crop: Literal["none", "pad", "resized"] = Field(
        "none",
        description="pad: a crop of the picture's size after padding with black; resized: a part of the picture, "
        "resized (Inception's)",
    )
    crop_padding: Annotated[int, Within(1, 512)] = Field(4, description="pixels that `pad` adds on each side")
    crop_scale: tuple[Share, Share] = Field((0.08, 1.0), description="smallest and largest area that `resized` keeps")
    crop_ratio: tuple[Ratio, Ratio] = Field((3 / 4, 4 / 3), description="its narrowest and widest aspect ratio")
    hflip: Share = Field(0.5, description="chance of a horizontal flip")
    color_jitter: Share = Field(
        0.0, description="largest change of brightness, contrast and saturation; unused where there is auto_augment"
    )
    auto_augment: str | None = Field(None, description="RandAugment in timm's words: rand-m9-mstd0.5-inc1")
    interpolation: Literal["bilinear", "bicubic", "random"] = Field(
        "bicubic", description="of crops and of automatic augmentation"
    )
    reprob: Share = Field(0.0, description="chance of erasing a rectangle")
    remode: Literal["const", "rand", "pixel"] = Field("pixel", description="what it is filled with")
    recount: Annotated[int, Within(1, 16)] = Field(1, description="most rectangles of a picture")
    mixup: Alpha = Field(0.0, description="alpha of mixup; 0: none")
    cutmix: Alpha = Field(0.0, description="alpha of cutmix; 0: none")
    mixup_prob: Share = Field(1.0, description="chance that a batch is mixed")
    mixup_switch_prob: Share = Field(0.5, description="chance of cutmix where both are there")

    @property
    def mixes(self) -> bool:
        """Whether batches are mixed, so that labels are shares of classes."""
        return bool((self.mixup or self.cutmix) and self.mixup_prob)

    @field_validator("auto_augment")
    @classmethod
    def _check_auto_augment(cls, text: str | None) -> str | None:
        if text is not None:
            rand_augment(text)
        return text

    @model_validator(mode="after")
    def _check(self) -> "Augment":
        for name, (low, high) in (("crop_scale", self.crop_scale), ("crop_ratio", self.crop_ratio)):
            if not 0 < low <= high <= 100:
                raise ValueError(f"{name}: two numbers above 0, the smaller first, got {low:g} and {high:g}")
        return self


class Ema(Spec):
    """A moving average of the weights, which is what is evaluated and kept (timm's ModelEmaV3)."""

    decay: Annotated[float, Within(0, 1, above=True, below=True)] = Field(
        0.9999, description="share of the average that a step keeps"
    )
    warmup: bool = Field(False, description="begin with a smaller decay, 1 - (1 + step)^(-2/3), up to `decay`")


class Recipe(Spec):
    """How every arm is trained, by steps: warm-up, cosine, cool-down. Names as in timm's training script."""

    epochs: Annotated[int, Within(1, 100_000)]
    batch_size: Annotated[int, Within(1, 1_000_000)]
    lr: Annotated[float, Within(0, 1000, above=True)]
    min_lr: Rate = 0.0
    warmup_fraction: ShareBelow1 = Field(0.1, description="share of all steps")
    weight_decay: Rate = 0.05
    betas: tuple[ShareBelow1, ShareBelow1] = (0.9, 0.999)
    clip_grad: Annotated[float, Within(0, 1_000_000, above=True, hint=", or null for none")] | None = Field(
        1.0, description="largest norm of the gradient; null: not clipped"
    )
    label_smoothing: ShareBelow1 = 0.1
    interim_test: Pictures | None = Field(
        None, description="test pictures evaluated after every epoch but the last, which takes all; none: all"
    )
    shift: Annotated[int, Within(0, LARGEST_SIDE)] = Field(
        0, description="largest random shift of a picture, in pixels; less than its side"
    )
    opt: Annotated[Literal["adamw", "sgd", "momentum"], Added("0.3.0", "adamw")] = Field(
        "adamw", description="as timm names it; sgd has Nesterov's momentum, momentum the plain one"
    )
    momentum: Annotated[ShareBelow1, Added("0.3.0", 0.9)] = Field(0.9, description="of sgd and momentum")
    warmup_lr: Annotated[Rate | None, Added("0.3.0", None)] = Field(
        None, description="learning rate of the first step of the warm-up; none: lr over the steps of the warm-up"
    )
    warmup_prefix: Annotated[bool, Added("0.3.0", True)] = Field(
        True, description="whether the cosine begins after the warm-up, or is cut off by it"
    )
    cooldown_fraction: Annotated[ShareBelow1, Added("0.3.0", 0.0)] = Field(
        0.0, description="share of all steps at min_lr, at the end"
    )
    backbone_lr_scale: Annotated[Share, Added("0.3.0", 1.0)] = Field(
        1.0, description="learning rate of all but the head, over lr: below 1 to fine-tune"
    )
    amp: Annotated[bool, Added("0.3.0", False)] = Field(
        False, description="mixed precision: bfloat16 where the device has it, else float16; float32 on a CPU"
    )
    augment: Annotated[Augment | None, Added("0.3.0", None)] = None
    ema: Annotated[Ema | None, Added("0.3.0", None)] = None

    @model_validator(mode="after")
    def _check(self) -> "Recipe":
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr must be at most lr, got {self.min_lr:g} and {self.lr:g}")
        if self.warmup_fraction + self.cooldown_fraction >= 1:
            raise ValueError(
                "warmup_fraction and cooldown_fraction together must be below 1, got "
                f"{self.warmup_fraction:g} and {self.cooldown_fraction:g}"
            )
        if self.augment and self.augment.mixes and self.batch_size % 2:
            raise ValueError(
                f"mixup and cutmix mix pairs of pictures, so that batch_size must be even, got {self.batch_size}; "
                f"{self.batch_size + 1} would work"
            )
        if self.warmup_lr is not None and self.warmup_lr > self.lr:
            raise ValueError(f"warmup_lr must be at most lr, got {self.warmup_lr:g} and {self.lr:g}")
        return self
