"""One rule that makes a small model of a big one, so that ratios between models stay near the paper's."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, lcm
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from searchspace.bounds import Heads, Layers, Pixels, ShareBelow1, Width
from searchspace.expand import SpecError, checked, set_field
from searchspace.spec import CnnSpec, ModelSpec, Spec, SplitSpec, TransformerSpec, to_dict

# What a rule sets, where other fields are divided.
SET = (
    "tokenizer.patch_size",
    "tokenizer.token_dim",
    "tokenizer.splits",
    "backbone.init",
    "backbone.drop_path_rate",
    "stem",
)


class Shrink(Spec):
    """What a scale does to every model; the same for all arms. The default leaves a model as it is.

    MLP ratio and squeeze-and-excitation reduction are kept. Divisions round half up, to at least 1; widths to what the
    model needs a multiple of: its heads, or 2 for ghost operations.
    """

    width: Width = Field(1, description="divides embed_dim, growth rate, channels and groups of CNNs")
    depth: Layers = Field(1, description="divides the number of layers, block by block; a stage keeps one at least")
    heads: Heads = Field(1, description="divides the number of attention heads")
    patch_size: Pixels | None = Field(None, description="patch size of plain patches; none: as it is")
    token_dim: Width | None = Field(None, description="channels between soft splits; none: as it is")
    splits: tuple[SplitSpec, ...] | None = Field(
        None, max_length=16, description="kernel, stride, padding of the soft splits"
    )
    stem: Literal["full", "small"] | None = Field(None, description="stem of CNNs; none: as it is")
    init: Literal["trunc_normal", "lecun_normal"] | None = Field(None, description="initial weights of transformers")
    drop_path_rate: ShareBelow1 | None = Field(None, description="stochastic depth of every arm; none: as it is")


def shrink(
    spec: ModelSpec,
    rule: Shrink,
    img_size: int,
    in_chans: int,
    num_classes: int,
    own: Mapping[str, Any] = MappingProxyType({}),
) -> ModelSpec:
    """The model at a scale: shrunk by the rule, for the pictures and classes of its data.

    Args:
        spec: at full size.
        rule: of the scale.
        img_size: side of the data's pictures.
        in_chans: their channels.
        num_classes: of the data.
        own: fields that somebody has set for this very model, by dotted name. Where the rule sets such a field to a
            fixed value, theirs stays; what the rule divides is divided.

    Raises:
        SpecError: if the model cannot be had at this scale (pictures too small, say, or `own` is not as its data).
    """
    data = to_dict(spec) | {
        "img_size": [img_size, img_size],
        "in_chans": in_chans,
        "num_classes": num_classes,
    }
    for name in ("img_size", "in_chans", "num_classes"):
        given = to_dict(spec)[name]
        if name in own and given != data[name]:
            raise SpecError(
                f"{name} is {_short(given)} by the arm's own word, and {_short(data[name])} in the data of this scale; "
                f"set data.{name} with it, or use a scale that has it",
                name,
            )
    if isinstance(spec, TransformerSpec):
        _transformer(data, spec, rule, own)
    else:
        _cnn(data, spec, rule)
    for name in SET:
        if name in own:
            set_field(data, type(spec), name, own[name])
    return checked(data)


def _short(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def divide(value: int, by: int, step: int = 1) -> int:
    """value / by, rounded half up to a multiple of `step`, at least `step`."""
    return max(step, floor(value / (by * step) + 0.5) * step)


def apportioned(total: int, parts: Sequence[int]) -> list[int]:
    """A number in the proportions of others: whole numbers of at least 1 that add up to it, by largest remainders.

    Of equal remainders the first gets more. `total` is at least the number of parts.
    """
    shares = [total * part / max(1, sum(parts)) for part in parts]
    made = [max(1, floor(share)) for share in shares]
    while sum(made) != total:
        more = sum(made) < total
        open_ = [i for i in range(len(made)) if more or made[i] > 1]
        i = max(open_, key=lambda i: (shares[i] - made[i]) * (1 if more else -1))
        made[i] += 1 if more else -1
    return made


def _step(layer: Mapping[str, Any]) -> int:
    """What the attention of a layer needs the width to be a multiple of."""
    return lcm(layer["num_heads"], 2) if layer["attention"] == "ghost" else layer["num_heads"]


def _transformer(data: dict[str, Any], spec: TransformerSpec, rule: Shrink, own: Mapping[str, Any]) -> None:
    tokenizer, backbone = data["tokenizer"], data["backbone"]
    if tokenizer["kind"] == "patch":
        tokenizer["patch_size"] = rule.patch_size or tokenizer["patch_size"]
    else:
        tokenizer["token_dim"] = rule.token_dim or tokenizer["token_dim"]
        if rule.splits and "tokenizer.splits" not in own:
            if len(rule.splits) != len(tokenizer["splits"]):
                raise SpecError(
                    f"this scale has a rule for {len(rule.splits)} soft splits, got a tokenizer with "
                    f"{len(tokenizer['splits'])}; use {len(rule.splits)} splits or another scale"
                )
            tokenizer["splits"] = rule.splits
    stages = backbone["stages"] or []
    for holder in (backbone, *(stage for stage in stages if "num_heads" in stage)):
        holder["num_heads"] = divide(holder["num_heads"], rule.heads)
    step = lcm(*(_step(backbone | stage) for stage in stages or [{}]))
    backbone["embed_dim"] = divide(backbone["embed_dim"], rule.width, step)
    if dense := backbone["dense"]:
        layers = [divide(n, rule.depth) for n in dense["layers"]]
        # Fewer layers append more each; rounded up, since coarser steps make narrower layers in the mean.
        growth = dense["growth_rate"] * sum(dense["layers"]) / sum(layers)
        growth = ceil(growth / (rule.width * step)) * step
        backbone["dense"] = {"layers": layers, "growth_rate": growth}
        backbone["depth"] = sum(layers)
    else:
        backbone["depth"] = max(divide(backbone["depth"], rule.depth), len(stages))
        depths = apportioned(backbone["depth"], spec.backbone.stage_depths()) if stages else []
        for stage, depth in zip(stages, depths, strict=True):
            stage |= {"depth": depth} if "depth" in stage else {}
    if rule.init:
        backbone["init"] = rule.init
    if rule.drop_path_rate is not None:
        backbone["drop_path_rate"] = rule.drop_path_rate


def _cnn(data: dict[str, Any], spec: CnnSpec, rule: Shrink) -> None:
    # A ghost convolution needs an even number of channels; those of a network that counts groups may be grouped.
    step = 2 if spec.conv == "ghost" and "cardinality" not in spec.widths else 1

    def narrower(value: int | list[int]) -> int | list[int]:
        of_each = [divide(v, rule.width, step) for v in (value if isinstance(value, list) else [value])]
        return of_each if isinstance(value, list) else of_each[0]

    data["widths"] = {name: narrower(value) for name, value in spec.widths.items()}
    data["depths"] = {name: [divide(v, rule.depth) for v in value] for name, value in spec.depths.items()}
    if "base_width" in spec.args:
        # timm's width of a group is base_width for 64 channels: fewer groups of the same width.
        data["args"] = spec.args | {"base_width": spec.args["base_width"] * rule.width}
    if spec.stem_width:
        data["stem_width"] = divide(spec.stem_width, rule.width)
    if rule.stem and spec.small_stem:
        data["stem"], data["min_size"] = rule.stem, 1
