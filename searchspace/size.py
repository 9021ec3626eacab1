"""How large a model would be, from its fields alone: nothing absurd is built, not even without memory.

Each field has a bound of its own, and several that are large together may still make a model that no machine holds.
Parameters are counted roughly, by the matrices alone, and values of the largest output for one picture; both bounds lie
far above what is trained (ViT-22B; pictures of 2048 x 2048 pixels).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from searchspace.backbone import BackboneSpec
    from searchspace.spec import CnnSpec, TransformerSpec

MOST_PARAMS = 50 * 10**9
MOST_VALUES = 3 * 10**8  # that one layer puts out for one picture, its position table too; 1.2 GB in float32
MOST_LAYERS = 1000


def check_layers(backbone: "BackboneSpec") -> None:
    """Refuse layers that have too many parameters.

    Raises:
        ValueError: with the fields to blame.
    """
    _refuse(layer_params(backbone), MOST_PARAMS, "parameters")


def check_transformer(spec: "TransformerSpec") -> None:
    """Refuse a model that has too many parameters or puts out too many values.

    Raises:
        ValueError: with the fields to blame.
    """
    _refuse(params(spec), MOST_PARAMS, "parameters")
    _refuse(_values(spec), MOST_VALUES, "values in one layer's output for one picture")


def check_cnn(spec: "CnnSpec") -> None:
    """Refuse a network of a library that has too many layers or puts out too many values.

    Its parameters follow from its fields only by an upper bound (see `may_be_huge`).

    Raises:
        ValueError: with the fields to blame.
    """
    layers = {f"depths.{name}": sum(counts) for name, counts in spec.depths.items()}
    _refuse(layers, MOST_LAYERS, "layers")
    (height, width), stem = spec.img_size, spec.stem_width or 64
    pixels = height * width / (1 if spec.stem == "small" else 4)
    picture = f"img_size {height} x {width}"
    values = {
        f"{picture} and in_chans {spec.in_chans}": height * width * spec.in_chans,
        f"{picture} and a first convolution of {stem} channels": pixels * stem,
    }
    _refuse(values, MOST_VALUES, "values in one layer's output for one picture")


def may_be_huge(spec: "CnnSpec") -> bool:
    """Whether a network might have too many parameters: each layer 3 x 3, as wide as all layers together."""
    layers = max([1, *(sum(counts) for counts in spec.depths.values())])
    given = [*spec.widths.values(), *(value for value in spec.args.values() if isinstance(value, (int, list)))]
    numbers = [n for value in given for n in (value if isinstance(value, list) else [value]) if isinstance(n, int)]
    width = max([1, *numbers]) * layers
    return 9 * layers * width**2 > MOST_PARAMS


def check_params(name: str, count: int) -> None:
    """Refuse a network of which the parameters have been counted.

    Raises:
        ValueError: if they are too many.
    """
    _refuse({f"the widths and depths of {name}": count}, MOST_PARAMS, "parameters")


def layer_params(backbone: "BackboneSpec") -> dict[str, float]:
    """Parameters of the layers, by the fields that make them."""
    widths = [width for block in backbone.widths() for width in block]
    ratios = [layer.mlp_ratio for layer in backbone.layers()]
    fields = f"embed_dim {backbone.embed_dim}, depth {backbone.depth} and mlp_ratio {max(ratios):g}"
    made = {fields: sum((4 + 2 * ratio) * width**2 for width, ratio in zip(widths, ratios, strict=True))}
    if backbone.dense:
        made = {f"dense.growth_rate {backbone.dense.growth_rate}, {fields}": made[fields]}
    return made


def params(spec: "TransformerSpec") -> dict[str, float]:
    """Parameters of a model, by the fields that make them."""
    backbone, tokenizer = spec.backbone, spec.tokenizer
    made = {f"backbone: {name}": count for name, count in layer_params(backbone).items()}
    made[f"num_classes {spec.num_classes}"] = spec.num_classes * backbone.num_features()
    if tokenizer.kind == "patch":
        fields = f"tokenizer.patch_size {tokenizer.patch_size}, in_chans and backbone.embed_dim {backbone.embed_dim}"
        made[fields] = tokenizer.patch_size**2 * spec.in_chans * backbone.embed_dim
        return made
    channels, count = spec.in_chans, 0
    for i, (kernel, _, _) in enumerate(tokenizer.splits):
        last = i + 1 == len(tokenizer.splits)
        count += kernel**2 * channels * (backbone.embed_dim if last else 3 * tokenizer.token_dim)
        channels = tokenizer.token_dim
    made[f"tokenizer: kernels of splits and token_dim {tokenizer.token_dim}"] = count
    return made


def _values(spec: "TransformerSpec") -> dict[str, float]:
    """Values of the picture, of each unfolded split and of a layer, by the fields that make them."""
    (height, width), tokenizer = spec.img_size, spec.tokenizer
    picture = f"img_size {height} x {width}"
    made: dict[str, float] = {f"{picture} and in_chans {spec.in_chans}": height * width * spec.in_chans}
    channels = spec.in_chans
    if tokenizer.kind != "patch":
        for i, (kernel, _, _) in enumerate(tokenizer.splits):
            rows, columns = tokenizer.model_copy(update={"splits": tokenizer.splits[: i + 1]}).grid_size(height, width)
            made[f"{picture} and tokenizer.splits[{i}]"] = rows * columns * kernel**2 * channels
            channels = tokenizer.token_dim
    rows, columns = tokenizer.grid_size(height, width)
    widest = max(spec.backbone.embed_dim, spec.backbone.num_features())
    made[f"{picture}, {rows} x {columns} tokens, each {widest} wide"] = rows * columns * widest
    return made


def _refuse(parts: Mapping[str, float], most: float, what: str) -> None:
    total = sum(parts.values()) if what == "parameters" else max(parts.values(), default=0)
    if total > most:
        worst = max(parts, key=lambda name: parts[name])
        raise ValueError(f"{worst} would make {total:.3g} {what}, and at most {most:.3g} can be: lower one of them")
