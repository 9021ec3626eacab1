"""The declarative description of a model.

Every row of every table is a `ModelSpec`: a `TransformerSpec` (a tokenizer and a backbone, assembled from
`blocks/`) or a `CnnSpec` (a timm or torchvision model by name). Specs are frozen, refuse unknown keys, and check
their invariants when they are made: where, what must hold, what was given, what would work.
"""

from math import lcm
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from searchspace import size
from searchspace.bounds import LARGEST_SIDE, Heads, Layers, Pixels, ShareBelow1, Width, Within, check_numbers

Kernel = Annotated[int, Within(1, 512)]
SplitSpec = tuple[Kernel, Kernel, Annotated[int, Within(0, 512)]]


class Spec(BaseModel):
    """Base of all specs: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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


class DenseSpec(Spec):
    """Dense connections: each layer appends its features; between blocks a transition halves the width."""

    growth_rate: Width = Field(description="channels that a layer appends")
    layers: tuple[Layers, ...] = Field(min_length=1, description="layers of each dense block")


class BackboneSpec(Spec):
    """The transformer layers."""

    embed_dim: Width = Field(description="width of the tokens (with dense: of the first layer)")
    depth: Layers = Field(description="number of layers")
    num_heads: Heads = Field(description="attention heads of a layer")
    mlp_ratio: Annotated[float, Within(0, 64, above=True)] = Field(
        3.0, description="width of the MLP over that of the tokens"
    )
    qkv_bias: bool = Field(False, description="bias of the q, k and v maps")
    attention: Literal["full", "ghost"] = Field("full", description="ghost: half of q, k, v by a cheap map")
    mlp: Literal["full", "ghost"] = Field("full", description="ghost: wide features by cheap maps")
    channel_attention: Literal["none", "squeeze_excite"] = Field("none", description="gate after the projection")
    se_reduction: Width = Field(16, description="width over the squeezed width")
    dense: DenseSpec | None = Field(None, description="dense connections between layers")
    position: Literal["sinusoid", "learned", "none"] = Field("sinusoid", description="position table")
    drop_path_rate: ShareBelow1 = Field(
        0.0, description="stochastic depth of the last layer; grows linearly from 0 at the first"
    )
    norm_eps: Annotated[float, Within(0, 1, above=True)] = Field(1e-5, description="epsilon of the layer norms")
    init: Literal["trunc_normal", "lecun_normal"] = Field(
        "trunc_normal", description="initial weights: standard deviation 0.02, or 1 / sqrt(fan in)"
    )

    def widths(self) -> list[list[int]]:
        """Token width into each layer, a list for each dense block (one block if not dense)."""
        if self.dense is None:
            return [[self.embed_dim] * self.depth]
        blocks, width = [], self.embed_dim
        for layers in self.dense.layers:
            blocks.append([width + i * self.dense.growth_rate for i in range(layers)])
            width = self.transition(width + layers * self.dense.growth_rate)
        return blocks

    def attention_arguments(self) -> tuple[str, int, bool, int | None]:
        """What a layer's attention is made of beside its width: kind, heads, bias, reduction of its gate (if any)."""
        gated = self.channel_attention != "none"
        return self.attention, self.num_heads, self.qkv_bias, self.se_reduction if gated else None

    def mlp_arguments(self) -> tuple[str, float]:
        """What a layer's MLP is made of beside its width: kind and ratio."""
        return self.mlp, self.mlp_ratio

    def transition(self, width: int) -> int:
        """Half of a width, to the nearest multiple of what attention needs (the paper's halves all are)."""
        step = lcm(self.num_heads, 2) if self.attention == "ghost" else self.num_heads
        return max(1, (width + step) // (2 * step)) * step

    def num_features(self) -> int:
        """Token width after the last layer."""
        last = self.widths()[-1]
        return last[-1] + (self.dense.growth_rate if self.dense else 0)

    @model_validator(mode="after")
    def _check(self) -> "BackboneSpec":
        if self.dense and sum(self.dense.layers) != self.depth:
            raise ValueError(
                f"depth must be the sum of dense.layers, got depth {self.depth} and dense.layers "
                f"{list(self.dense.layers)}; set depth to {sum(self.dense.layers)} or change both together"
            )
        size.check_layers(self)
        for width in sorted({w for block in self.widths() for w in block}):
            if width % self.num_heads:
                fits = [h for h in range(1, width + 1) if width % h == 0]
                near = sorted(fits, key=lambda h: abs(h - self.num_heads))[:3]
                where = "embed_dim" if width == self.embed_dim else "the width of every dense layer"
                raise ValueError(
                    f"num_heads must divide {where}, got num_heads {self.num_heads} and width {width}; "
                    f"{', '.join(map(str, sorted(near)))} heads would fit"
                )
            if self.attention == "ghost" and width % 2:
                raise ValueError(f"ghost attention halves the width, which must be even, got {width}")
            if self.channel_attention == "squeeze_excite" and width < self.se_reduction:
                raise ValueError(
                    f"squeeze_excite needs a width of at least se_reduction, got width {width} and se_reduction "
                    f"{self.se_reduction}; lower se_reduction to at most {width}"
                )
        if self.embed_dim * self.mlp_ratio < 1:
            raise ValueError(
                f"mlp_ratio times embed_dim, the width of the MLP, must be at least 1, got {self.mlp_ratio:g} and "
                f"{self.embed_dim}"
            )
        if self.mlp == "ghost" and (self.mlp_ratio != int(self.mlp_ratio) or self.mlp_ratio < 2):
            raise ValueError(
                "a ghost MLP is made of whole copies of the width, so mlp_ratio must be a whole number of at least 2,"
                f" got {self.mlp_ratio}; {max(2, round(self.mlp_ratio))} would work"
            )
        return self


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
