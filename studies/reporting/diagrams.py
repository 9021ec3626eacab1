"""Any spec as a diagram: what is in its boxes, and the shapes between them."""

from itertools import groupby

from reports.diagram_figures import Box, Diagram, Figure, Group, draw_diagram
from searchspace.backbone import BackboneSpec, Layer
from searchspace.spec import CnnSpec, ConvTokenizerSpec, ModelSpec, PatchTokenizerSpec, TransformerSpec
from studies.reporting.asked import Asked
from studies.reporting.one_arm import one_arm
from studies.reporting.steps import splits_of

TOKENIZERS = {"patch": "Patches", "t2t": "Tokens-to-Token module", "conv": "Convolutional tokenizer"}
POSITIONS = {"sinusoid": "sinusoidal positions", "learned": "learned positions", "none": "no positions"}


def diagram(asked: Asked) -> Figure:
    """One arm at full size as a diagram: that which `only` names, else the study's first baseline.

    Raises:
        SpecError: if `only` names none, or several.
    """
    arm, model = one_arm(asked.study, asked.only, "diagram")
    return draw_diagram(diagram_of(model, arm.name, f"{asked.study.name}, at full size"))


def diagram_of(model: ModelSpec, title: str, subtitle: str = "") -> Diagram:
    """The boxes of a spec. Shapes are of one picture: rows x columns x channels, or tokens x width."""
    height, width = model.img_size
    picture = Box("Picture", gives=f"{height} × {width} × {model.in_chans}")
    if isinstance(model, CnnSpec):
        boxes = (picture, *_stem(model), *_stages(model), _classifier(model))
        return Diagram(title, subtitle, (Group(f"{model.name} of {model.library}", boxes),))
    groups = (
        Group(TOKENIZERS[model.tokenizer.kind], (picture, *_tokenizer(model), _prefix(model))),
        Group("Transformer layers", _layers(model)),
        Group("Head", _heads(model)),
    )
    return Diagram(title, subtitle, groups)


def _tokenizer(model: TransformerSpec) -> tuple[Box, ...]:
    """From the picture to tokens of the backbone's width."""
    tokenizer, width = model.tokenizer, model.backbone.embed_dim
    if isinstance(tokenizer, PatchTokenizerSpec):
        size = tokenizer.patch_size
        patches = (f"{size} × {size}, side by side", f"{model.in_chans * size**2} → {width}")
        return (Box("Patches, linear map", patches, "tokens", _tokens(tokenizer.grid_size(*model.img_size), width)),)
    boxes = []
    splits = splits_of(model, tokenizer)
    for split in splits:
        window = f"{split.kernel} × {split.kernel}, stride {split.stride}, padding {split.padding}"
        as_map = f"{split.grid[0]} × {split.grid[1]} × {split.mapped_to}"
        as_tokens, last = _tokens(split.grid, split.mapped_to), split is splits[-1]
        if isinstance(tokenizer, ConvTokenizerSpec):
            convolved = (window, f"{split.channels} → {split.mapped_to}")
            boxes.append(Box("Convolution", convolved, "tokens", as_tokens if last else as_map))
            continue
        boxes.append(Box("Soft split", (window,), "tokens", _tokens(split.grid, split.width)))
        mapped = f"{split.width} → {split.mapped_to}"
        lines = (mapped,) if last else (mapped, "then reshaped to an image")
        boxes.append(Box(split.mapped_by, lines, "tokens" if last else "mix", as_tokens if last else as_map))
    return tuple(boxes)


def _prefix(model: TransformerSpec) -> Box:
    named = ("class and distillation token",) if model.distilled else ("class token",)
    count = _count(model) + (2 if model.distilled else 1)
    lines = (*named, POSITIONS[model.backbone.position])
    return Box("Add", lines, "tokens", f"{count:,} × {model.backbone.embed_dim}")


def _layers(model: TransformerSpec) -> tuple[Box, ...]:
    backbone = model.backbone
    count = _count(model) + (2 if model.distilled else 1)
    if backbone.dense:
        return _dense(backbone, count)
    runs = [(layer, len(list(same))) for layer, same in groupby(backbone.layers())]
    return tuple(
        Box(f"{depth} × transformer layer", _made_of(layer, backbone), "layers", f"{count:,} × {backbone.embed_dim}")
        for layer, depth in runs
    )


def _dense(backbone: BackboneSpec, count: int) -> tuple[Box, ...]:
    """Blocks whose layers append features, and what narrows them in between."""
    assert backbone.dense is not None
    growth, blocks, boxes = backbone.dense.growth_rate, backbone.widths(), list[Box]()
    for i, widths in enumerate(blocks):
        grown = widths[-1] + growth
        layer = backbone.layers()[0]
        lines = (f"each layer appends {growth} to the width", f"{widths[0]} → {grown}", *_made_of(layer, backbone))
        boxes.append(Box(f"Dense block of {len(widths)} layers", lines, "layers", f"{count:,} × {grown}"))
        if i < len(blocks) - 1:
            narrow = blocks[i + 1][0]
            boxes.append(Box("Transition", (f"{grown} → {narrow}",), "mix", f"{count:,} × {narrow}"))
    return tuple(boxes)


def _made_of(layer: Layer, backbone: BackboneSpec) -> tuple[str, ...]:
    """The lines of a layer: attention, what gates it, MLP, and what else it has."""
    wide, dense = backbone.embed_dim, backbone.dense is not None
    heads = f"{layer.num_heads} head{'' if layer.num_heads == 1 else 's'}"
    of = "" if dense or wide % layer.num_heads else f" of {wide // layer.num_heads}"
    ghost = "ghost attention" if layer.attention == "ghost" else "attention"
    lines = [f"x + {ghost}(norm(x)): {heads}{of}{', with bias' if layer.qkv_bias else ''}"]
    if layer.channel_attention == "squeeze_excite":
        narrow = "" if dense else f", {wide} → {wide // layer.se_reduction} → {wide}"
        lines.append(f"gated by squeeze and excitation{narrow or f', reduction {layer.se_reduction}'}")
    hidden = "" if dense else f", {wide} → {int(wide * layer.mlp_ratio)} → {wide}"
    lines.append(f"x + {'ghost ' if layer.mlp == 'ghost' else ''}MLP(norm(x)): ratio {layer.mlp_ratio:g}{hidden}")
    if backbone.drop_path_rate:
        lines.append(f"stochastic depth up to {backbone.drop_path_rate:g}")
    return tuple(lines)


def _heads(model: TransformerSpec) -> tuple[Box, ...]:
    width, classes = model.backbone.num_features(), model.num_classes
    norm = Box("Layer norm", ("then the class token alone",), "head", f"{width}")
    if model.distilled:
        norm = Box("Layer norm", ("then both tokens alone",), "head", f"2 × {width}")
    if not classes:
        return (norm, Box("Features", (), "data"))
    lines = (f"{width} → {classes:,}", "a head a token, their mean") if model.distilled else (f"{width} → {classes:,}",)
    dropout = (f"dropout {model.drop_rate:g} before",) if model.drop_rate else ()
    heads = Box("Linear heads" if model.distilled else "Linear head", lines + dropout, "head", f"{classes:,}")
    return (norm, heads, Box("Logits"))


def _stem(model: CnnSpec) -> tuple[Box, ...]:
    """What the spec of a CNN says of its first convolution, if anything."""
    lines = ["kernel 3, stride 1, no pooling"] if model.stem == "small" else []
    lines += [f"{model.in_chans} → {model.stem_width}"] if model.stem_width else []
    return (Box("Stem", tuple(lines), "tokens"),) if lines else ()


def _stages(model: CnnSpec) -> tuple[Box, ...]:
    """What the spec of a CNN says of its stages: the rest is the library's."""
    alike = [f"{name} {value}" for name, value in {**model.args, **model.widths}.items() if not isinstance(value, list)]
    if model.conv == "ghost":
        alike.append("3 × 3 convolutions are ghost modules")
    counts = [count for depths in model.depths.values() for count in depths]
    if not counts:
        return (Box("All layers", (f"as {model.library} has them", *alike), "layers"),)
    lists = {name: value for name, value in model.widths.items() if isinstance(value, list)}
    own = [[f"{name} {value[i % len(value)]}" for name, value in lists.items()] for i in range(len(counts))]
    return tuple(
        Box(f"Stage {i + 1}: {count} block{'' if count == 1 else 's'}", (*own[i], *alike), "layers")
        for i, count in enumerate(counts)
    )


def _classifier(model: CnnSpec) -> Box:
    if not model.num_classes:
        return Box("Features", (), "head")
    dropout = (f"dropout {model.drop_rate:g} before",) if model.drop_rate else ()
    return Box("Classifier", (f"{model.num_classes:,} classes", *dropout), "head")


def _count(model: TransformerSpec) -> int:
    rows, columns = model.tokenizer.grid_size(*model.img_size)
    return rows * columns


def _tokens(grid: tuple[int, int], width: int) -> str:
    return f"{grid[0] * grid[1]:,} × {width}"
