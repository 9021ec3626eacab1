"""How a trial is trained. A field that is added later carries `Added` (see `searchspace.identity`)."""

from typing import Annotated

from pydantic import Field, model_validator

from searchspace.bounds import LARGEST_SIDE, Pictures, ShareBelow1, Within
from searchspace.spec import Spec

Rate = Annotated[float, Within(0, 1000)]


class Recipe(Spec):
    """How every arm is trained: AdamW, warm-up and cosine by step. Names as in timm's training script."""

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

    @model_validator(mode="after")
    def _check_lr(self) -> "Recipe":
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr must be at most lr, got {self.min_lr:g} and {self.lr:g}")
        return self
