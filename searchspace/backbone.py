"""The description of the transformer layers of a model: all alike, in stages that differ, or densely connected."""

from collections.abc import Iterator
from itertools import groupby
from math import lcm
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from searchspace import size
from searchspace.added import Added
from searchspace.base import Spec
from searchspace.bounds import Heads, Layers, ShareBelow1, Width, Within

MlpRatio = Annotated[float, Within(0, 64, above=True)]
Block = Literal["full", "ghost"]
Gate = Literal["none", "squeeze_excite"]


class Layer(NamedTuple):
    """What a layer is made of beside its width: fields that a stage may set."""

    num_heads: int
    mlp_ratio: float
    qkv_bias: bool
    attention: str
    mlp: str
    channel_attention: str
    se_reduction: int

    def attention_arguments(self) -> tuple[str, int, bool, int | None]:
        """What its attention is made of: kind, heads, bias, reduction of its gate (if any)."""
        gated = self.channel_attention != "none"
        return self.attention, self.num_heads, self.qkv_bias, self.se_reduction if gated else None

    def mlp_arguments(self) -> tuple[str, float]:
        """What its MLP is made of: kind and ratio."""
        return self.mlp, self.mlp_ratio

    @property
    def step(self) -> int:
        """What its attention needs the width to be a multiple of."""
        return lcm(self.num_heads, 2) if self.attention == "ghost" else self.num_heads

    def check(self, width: int, where: str) -> None:
        """Refuse a layer that cannot be this wide.

        Raises:
            ValueError: with what would work; `where` names the width.
        """
        if width % self.num_heads:
            fits = [h for h in range(1, width + 1) if width % h == 0]
            near = sorted(fits, key=lambda h: abs(h - self.num_heads))[:3]
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

    def check_mlp(self, width: int) -> None:
        """Refuse an MLP of no width, or of parts of a copy where whole copies are needed.

        Raises:
            ValueError: with what would work.
        """
        if width * self.mlp_ratio < 1:
            raise ValueError(
                f"mlp_ratio times embed_dim, the width of the MLP, must be at least 1, got {self.mlp_ratio:g} and "
                f"{width}"
            )
        if self.mlp == "ghost" and (self.mlp_ratio != int(self.mlp_ratio) or self.mlp_ratio < 2):
            raise ValueError(
                "a ghost MLP is made of whole copies of the width, so mlp_ratio must be a whole number of at least 2,"
                f" got {self.mlp_ratio}; {max(2, round(self.mlp_ratio))} would work"
            )


class StageSpec(Spec):
    """Layers that follow each other. An option that it does not give is the backbone's; none changes the width."""

    depth: Layers | None = Field(
        None, description="number of layers; default: stages without one share the other layers evenly"
    )
    num_heads: Heads | None = Field(None, description="attention heads of a layer")
    mlp_ratio: MlpRatio | None = Field(None, description="width of the MLP over that of the tokens")
    qkv_bias: bool | None = Field(None, description="bias of the q, k and v maps")
    attention: Block | None = Field(None, description="ghost: half of q, k, v by a cheap map")
    mlp: Block | None = Field(None, description="ghost: wide features by cheap maps")
    channel_attention: Gate | None = Field(None, description="gate after the projection")
    se_reduction: Width | None = Field(None, description="width over the squeezed width")

    @model_serializer(mode="wrap")
    def _what_is_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class DenseSpec(Spec):
    """Dense connections: each layer appends its features; between blocks a transition halves the width."""

    growth_rate: Width = Field(description="channels that a layer appends")
    layers: tuple[Layers, ...] = Field(min_length=1, description="layers of each dense block")


class BackboneSpec(Spec):
    """The transformer layers."""

    embed_dim: Width = Field(description="width of the tokens (with dense: of the first layer)")
    depth: Layers = Field(description="number of layers")
    num_heads: Heads = Field(description="attention heads of a layer")
    mlp_ratio: MlpRatio = Field(3.0, description="width of the MLP over that of the tokens")
    qkv_bias: bool = Field(False, description="bias of the q, k and v maps")
    attention: Block = Field("full", description="ghost: half of q, k, v by a cheap map")
    mlp: Block = Field("full", description="ghost: wide features by cheap maps")
    channel_attention: Gate = Field("none", description="gate after the projection")
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
    stages: Annotated[tuple[StageSpec, ...] | None, Added("0.3.0", None)] = Field(
        None, min_length=1, max_length=64, description="layers that differ, the first to the last; depth is their sum"
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

    def layers(self) -> tuple[Layer, ...]:
        """What each layer is made of, the first to the last."""
        if self.stages is None:
            return (self._layer,) * self.depth
        pairs = zip(self.stages, self.stage_depths(), strict=True)
        return tuple(layer for stage, depth in pairs for layer in (self._of(stage),) * depth)

    def stage_depths(self) -> list[int]:
        """Layers of each stage: those that do not give theirs share the rest evenly, the first of them one more.

        Where no number of layers is left for each, the sum is not `depth`, which the backbone refuses.
        """
        given = [stage.depth for stage in self.stages or ()]
        open_, rest = given.count(None), self.depth - sum(depth or 0 for depth in given)
        shares: Iterator[int] = (max(1, rest // open_ + (i < rest % open_)) for i in range(open_))
        return [next(shares) if depth is None else depth for depth in given]

    def transition(self, width: int) -> int:
        """Half of a width, to the nearest multiple of what attention needs (the paper's halves all are)."""
        step = self._layer.step
        return max(1, (width + step) // (2 * step)) * step

    def num_features(self) -> int:
        """Token width after the last layer."""
        last = self.widths()[-1]
        return last[-1] + (self.dense.growth_rate if self.dense else 0)

    def simplest(self) -> "BackboneSpec":
        """The one among all ways to write the same layers that is hashed.

        Stages that are alike and follow each other are one; one stage is none. An option is the backbone's where the
        first layer has it, and a stage's where a later one has another.
        """
        if self.stages is None:
            return self
        runs = [(layer, len(list(same))) for layer, same in groupby(self.layers())]
        first = runs[0][0]._asdict()
        stages = [
            {"depth": depth} | {name: value for name, value in layer._asdict().items() if value != first[name]}
            for layer, depth in runs
        ]
        return BackboneSpec.model_validate(self.model_dump() | first | {"stages": stages if len(stages) > 1 else None})

    @property
    def _layer(self) -> Layer:
        return Layer(*(getattr(self, name) for name in Layer._fields))

    def _of(self, stage: StageSpec) -> Layer:
        given = {name: getattr(stage, name) for name in Layer._fields}
        return self._layer._replace(**{name: value for name, value in given.items() if value is not None})

    @model_validator(mode="after")
    def _check(self) -> "BackboneSpec":
        if self.dense and sum(self.dense.layers) != self.depth:
            raise ValueError(
                f"depth must be the sum of dense.layers, got depth {self.depth} and dense.layers "
                f"{list(self.dense.layers)}; set depth to {sum(self.dense.layers)} or change both together"
            )
        if self.stages is not None:
            self._check_stages()
        size.check_layers(self)
        widths = sorted({width for block in self.widths() for width in block})
        for i, layer in self._different():
            try:
                for width in widths:
                    layer.check(width, "embed_dim" if width == self.embed_dim else "the width of every dense layer")
                layer.check_mlp(self.embed_dim)
            except ValueError as error:
                raise ValueError(f"{'' if i is None else f'stages.{i}: '}{error}") from None
        return self

    def _check_stages(self) -> None:
        if self.dense:
            raise ValueError(
                "stages and dense exclude each other, since dense layers have blocks of their own and their widths "
                "follow from one number of heads: leave one of them out"
            )
        given = [stage.depth for stage in self.stages or ()]
        if sum(depths := self.stage_depths()) == self.depth:
            return
        if None in given:
            least = sum(depth or 1 for depth in given)
            raise ValueError(f"each stage has a layer at least, {least} in all, got depth {self.depth}; raise depth")
        raise ValueError(
            f"depth must be the sum of the stages' depths, got depth {self.depth} and {depths}; set depth to "
            f"{sum(depths)}, or leave out a stage's depth, which is then the rest"
        )

    def _different(self) -> Iterator[tuple[int | None, Layer]]:
        """The layer of each stage, with its number; if there are no stages, that of all."""
        if self.stages is None:
            yield None, self._layer
        for i, stage in enumerate(self.stages or ()):
            yield i, self._of(stage)
