"""One rule that makes a small model of a big one, so that ratios between models stay near the paper's."""

from math import ceil, floor, lcm
from typing import Any, Literal

from pydantic import Field, PositiveInt

from searchspace.expand import SpecError, checked
from searchspace.spec import CnnSpec, ModelSpec, Spec, SplitSpec, TransformerSpec, to_dict


class Shrink(Spec):
    """What a scale does to every model; the same for all arms. The default leaves a model as it is.

    MLP ratio and squeeze-and-excitation reduction are kept. Divisions round half up, to at least 1.
    """

    width: PositiveInt = Field(1, description="divides embed_dim, growth rate, channels and groups of CNNs")
    depth: PositiveInt = Field(1, description="divides the number of layers, block by block")
    heads: PositiveInt = Field(1, description="divides the number of attention heads")
    patch_size: PositiveInt | None = Field(None, description="patch size of plain patches; none: as it is")
    token_dim: PositiveInt | None = Field(None, description="channels between soft splits; none: as it is")
    splits: tuple[SplitSpec, ...] | None = Field(None, description="kernel, stride, padding of the soft splits")
    stem: Literal["full", "small"] | None = Field(None, description="stem of CNNs; none: as it is")
    init: Literal["trunc_normal", "lecun_normal"] | None = Field(None, description="initial weights of transformers")
    drop_path_rate: float | None = Field(None, description="stochastic depth of every arm; none: as it is")


def shrink(spec: ModelSpec, rule: Shrink, img_size: int, in_chans: int, num_classes: int) -> ModelSpec:
    """The model at a scale: shrunk by the rule, for the pictures and classes of its data.

    Raises:
        SpecError: if the model cannot be had at this scale (pictures too small, say).
    """
    data = to_dict(spec) | {
        "img_size": [img_size, img_size],
        "in_chans": in_chans,
        "num_classes": num_classes,
    }
    if isinstance(spec, TransformerSpec):
        _transformer(data, rule)
    else:
        _cnn(data, spec, rule)
    return checked(data)


def divide(value: int, by: int, step: int = 1) -> int:
    """value / by, rounded half up to a multiple of `step`, at least `step`."""
    return max(step, floor(value / (by * step) + 0.5) * step)


def _transformer(data: dict[str, Any], rule: Shrink) -> None:
    tokenizer, backbone = data["tokenizer"], data["backbone"]
    if tokenizer["kind"] == "patch":
        tokenizer["patch_size"] = rule.patch_size or tokenizer["patch_size"]
    else:
        tokenizer["token_dim"] = rule.token_dim or tokenizer["token_dim"]
        if rule.splits:
            if len(rule.splits) != len(tokenizer["splits"]):
                raise SpecError(
                    f"this scale has a rule for {len(rule.splits)} soft splits, got a tokenizer with "
                    f"{len(tokenizer['splits'])}; use {len(rule.splits)} splits or another scale"
                )
            tokenizer["splits"] = rule.splits
    heads = backbone["num_heads"] = divide(backbone["num_heads"], rule.heads)
    step = lcm(heads, 2) if backbone["attention"] == "ghost" else heads  # what attention needs of a width
    backbone["embed_dim"] = divide(backbone["embed_dim"], rule.width, step)
    if dense := backbone["dense"]:
        layers = [divide(n, rule.depth) for n in dense["layers"]]
        # Fewer layers append more each; rounded up, since coarser steps make narrower layers in the mean.
        growth = dense["growth_rate"] * sum(dense["layers"]) / sum(layers)
        growth = ceil(growth / (rule.width * step)) * step
        backbone["dense"] = {"layers": layers, "growth_rate": growth}
        backbone["depth"] = sum(layers)
    else:
        backbone["depth"] = divide(backbone["depth"], rule.depth)
    if rule.init:
        backbone["init"] = rule.init
    if rule.drop_path_rate is not None:
        backbone["drop_path_rate"] = rule.drop_path_rate


def _cnn(data: dict[str, Any], spec: CnnSpec, rule: Shrink) -> None:
    def narrower(value: int | list[int]) -> int | list[int]:
        return [divide(v, rule.width) for v in value] if isinstance(value, list) else divide(value, rule.width)

    data["widths"] = {name: narrower(value) for name, value in spec.widths.items()}
    data["depths"] = {name: [divide(v, rule.depth) for v in value] for name, value in spec.depths.items()}
    if "base_width" in spec.args:
        # timm's width of a group is base_width for 64 channels: fewer groups of the same width.
        data["args"] = spec.args | {"base_width": spec.args["base_width"] * rule.width}
    if spec.stem_width:
        data["stem_width"] = divide(spec.stem_width, rule.width)
    if rule.stem and spec.small_stem:
        data["stem"], data["min_size"] = rule.stem, 1
