"""How a trial is trained. A field that is added later carries `Added` (see `searchspace.identity`)."""

from typing import Annotated

from pydantic import Field, PositiveInt

from searchspace.spec import Spec

Beta = Annotated[float, Field(ge=0, lt=1)]


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
        None, description="test pictures evaluated after every epoch but the last, which takes all; none: all"
    )
    shift: int = Field(0, ge=0, description="largest random shift of a picture, in pixels")
