"""What models are made of, in the words of the paper's tables, and which are not what their names say at a scale."""

from collections.abc import Sequence

from searchspace.spec import CnnSpec, ModelSpec, PatchTokenizerSpec, T2TTokenizerSpec, TransformerSpec
from studies.language.expansion import ScaledArm
from studies.language.study import Key


def tokens(model: ModelSpec) -> str:
    """Mixer, depth, width and MLP size of a T2T tokenizer, as table 1 of the paper has them; or what else it is."""
    if isinstance(model, CnnSpec):
        return ""
    tokenizer = model.tokenizer
    if isinstance(tokenizer, PatchTokenizerSpec):
        return f"patches of {tokenizer.patch_size} x {tokenizer.patch_size}"
    if not isinstance(tokenizer, T2TTokenizerSpec):
        return f"{len(tokenizer.splits)} convolutions"
    # A layer between two splits; its MLP is as wide as its tokens.
    return f"{tokenizer.mixer}, {len(tokenizer.splits) - 1} x {tokenizer.token_dim}, MLP {tokenizer.token_dim}"


def structure(model: ModelSpec) -> str:
    """Depth, width and MLP size of a transformer, as table 1 of the paper has them; name and stages of a CNN."""
    if isinstance(model, CnnSpec):
        stages = [str(layers) for depths in model.depths.values() for layers in depths]
        name = f"{model.name} of ghost modules" if model.conv == "ghost" else model.name
        return f"{name}: {', '.join(stages)}" if stages else name
    backbone = model.backbone
    if backbone.dense:
        widths = f"{backbone.embed_dim}-{backbone.num_features()}"
        return f"{backbone.depth} x {widths}, MLP ratio {backbone.mlp_ratio:g}"
    sizes = dict.fromkeys(int(backbone.embed_dim * layer.mlp_ratio) for layer in backbone.layers())
    return f"{backbone.depth} x {backbone.embed_dim}, MLP {', then '.join(map(str, sizes))}"


def misnamed(arms: Sequence[ScaledArm]) -> dict[Key, str]:
    """The arms that are not what their names say at a scale, and why: their numbers are not those names'."""
    baselines = {item.arm.group: item for item in arms if item.arm.baseline}
    found = {}
    for item in arms:
        full, base = item.arm.model, baselines[item.arm.group]
        if not isinstance(full, TransformerSpec) or item.model is None:
            continue
        if full.distilled and item.arm.teacher is None:
            found[item.arm.key] = "it has a second token and a second head, but no teacher here, so is not distilled"
        elif base.model and full.img_size != base.arm.model.img_size and item.model.img_size == base.model.img_size:
            there, here = (" x ".join(map(str, model.img_size)) for model in (full, item.model))
            found[item.arm.key] = f"it is for pictures of {there}, and sees the {here} of all others here"
    return found
