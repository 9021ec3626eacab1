"""The declarative description of a model.

Every row of every table is a `ModelSpec`: a `TransformerSpec` (a tokenizer and a backbone, assembled from
`blocks/`) or a `CnnSpec` (a timm or torchvision model by name). Specs are frozen, refuse unknown keys, and check
their invariants when they are made: where, what must hold, what was given, what would work.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator, model_validator

from searchspace import size
from searchspace.backbone import BackboneSpec
from searchspace.base import Spec
from searchspace.bounds import LARGEST_SIDE, Layers, Pixels, ShareBelow1, Width, Within, check_numbers

Kernel = Annotated[int, Within(1, 512)]
SplitSpec = tuple[Kernel, Kernel, Annotated[int, Within(0, 512)]]


class PatchTokenizerSpec(Spec):
    """Plain patches, as in ViT."""

    kind: Literal["patch"]
    patch_size: Pixels = Field(16, description="side of a patch, in pixels")

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens for a picture of this size."""
        return height // self.patch_size, width // self.patch_size


class _SplitTokenizerSpec(Spec):
    """What the tokenizers made of several splits share."""

    token_dim: Width = Field(64, description="channels between the splits")
    splits: tuple[SplitSpec, ...] = Field(
        ((7, 4, 2), (3, 2, 1), (3, 2, 1)),
        min_length=1,
        max_length=16,
        description="kernel, stride, padding of each split",
    )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens for a picture of this size; (0, 0) if a kernel does not fit."""
        for kernel, stride, padding in self.splits:
            if min(height, width) + 2 * padding < kernel:
                return 0, 0
            height = (height + 2 * padding - kernel) // stride + 1
            width = (width + 2 * padding - kernel) // stride + 1
        return height, width


class T2TTokenizerSpec(_SplitTokenizerSpec):
    """Tokens-to-Token: overlapping soft splits with a small transformer between them."""

    kind: Literal["t2t"]
    mixer: Literal["performer", "transformer", "none"] = Field(
        "performer", description="what mixes the tokens between two splits; none: a linear map of each token"
    )


class ConvTokenizerSpec(_SplitTokenizerSpec):
    """Convolutions with the kernels and strides of the soft splits."""

    kind: Literal["conv"]


TokenizerSpec = Annotated[PatchTokenizerSpec | T2TTokenizerSpec | ConvTokenizerSpec, Field(discriminator="kind")]


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value


class _ModelSpec(Spec):
    """What every model has."""

    img_size: tuple[Pixels, Pixels] = Field((224, 224), description="height and width, or one number")
    in_chans: Annotated[int, Within(1, 1024)] = Field(3, description="channels of the picture")
    num_classes: Annotated[int, Within(0, 1_000_000)] = Field(1000, description="outputs; 0: features without a head")
    drop_rate: ShareBelow1 = Field(0.0, description="dropout before the head")

    _square = field_validator("img_size", mode="before")(_pair)


class TransformerSpec(_ModelSpec):
    """A vision transformer: a tokenizer, then a backbone."""

    tokenizer: TokenizerSpec
    backbone: BackboneSpec
    distilled: bool = Field(False, description="a second token with a head of its own, to learn from a teacher")

    @model_validator(mode="after")
    def _check(self) -> "TransformerSpec":
        if min(self.tokenizer.grid_size(*self.img_size)) < 1:
            height, width = self.img_size
            raise ValueError(
                f"img_size {height} x {width} is smaller than the reach of the tokenizer, which would make no tokens; "
                f"use {self._large_enough()}smaller kernels or patches"
            )
        size.check_transformer(self)
        return self

    def _large_enough(self) -> str:
        sides = (side for side in range(1, LARGEST_SIDE + 1) if min(self.tokenizer.grid_size(side, side)) >= 1)
        side = next(sides, None)
        return f"pictures of at least {side} pixels a side or " if side else ""


REACHES_OUT = {  # arguments by which a library reads files or asks the network
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "checkpoint_path",
    "cache_dir",
    "weights",
    "weights_backbone",
}


class CnnSpec(_ModelSpec):
    """A convolutional network of a library, by name and arguments.

    `widths` and `depths` are arguments too, kept apart because a scale shrinks them.
    """

    library: Literal["timm", "torchvision"]
    name: str = Field(description="the model's name there")
    args: dict[str, Any] = Field({}, description="keyword arguments")
    widths: dict[str, Width | list[Width]] = Field({}, description="keyword arguments that count channels or groups")
    depths: dict[str, list[Layers]] = Field({}, description="keyword arguments that count layers")
    conv: Literal["full", "ghost"] = Field("full", description="ghost: each 3 x 3 convolution a ghost module")
    stem: Literal["full", "small"] = Field(
        "full", description="small: a first convolution of kernel 3 and stride 1 and no pooling"
    )
    stem_width: Width | None = Field(None, description="channels of a ResNet's first convolution, else 64")
    small_stem: bool = Field(False, description="whether the network can have a small stem")
    min_size: Pixels = Field(32, description="smallest picture that the network takes, in pixels")

    @model_validator(mode="after")
    def _check(self) -> "CnnSpec":
        if outside := sorted(REACHES_OUT & {*self.args, *self.widths, *self.depths}):
            raise ValueError(
                f"args: {outside[0]} would read weights from a file or the network, which no trial's id would know; "
                "leave it out, and start an arm from weights with `pretrained`"
            )
        if ":" in self.name:
            raise ValueError(
                f"name: {self.name!r} names a model of a hub or a folder, which may change under its name; give the "
                f"name of an architecture of {self.library}"
            )
        if min(self.img_size) < self.min_size:
            height, width = self.img_size
            raise ValueError(
                f"{self.name} takes pictures of at least {self.min_size} pixels a side, got img_size {height} x {width}"
            )
        check_numbers(self.args, "args")
        listed = {f"widths.{name}": value for name, value in self.widths.items() if isinstance(value, list)}
        listed |= {f"depths.{name}": value for name, value in self.depths.items()}
        if listed and (len({len(value) for value in listed.values()}) > 1 or not all(listed.values())):
            counts = ", ".join(f"{name} has {len(value)}" for name, value in listed.items())
            raise ValueError(f"widths and depths that are lists have one number for each stage of layers: {counts}")
        size.check_cnn(self)
        return self


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "cnn" if "library" in value else "transformer"
    return "cnn" if isinstance(value, CnnSpec) else "transformer"


ModelSpec = TransformerSpec | CnnSpec


def model_spec(data: dict[str, Any]) -> ModelSpec:
    """Check plain data and make the spec of it: a CNN if it names a library, else a transformer.

    Raises:
        pydantic.ValidationError: where the data breaks an invariant.
    """
    return TypeAdapter(CnnSpec if _kind(data) == "cnn" else TransformerSpec).validate_python(data)


def to_dict(spec: Spec) -> dict[str, Any]:
    """The spec as plain data, fully resolved: what is written to YAML and hashed."""
    return spec.model_dump(mode="json")
