"""From a spec to a module, and from a part of it to that part's module."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from blocks.attention import Attention
from blocks.cnn_stem import restem
from blocks.dense import DenseLayer, Transition
from blocks.ghost import GhostAttention, GhostMlp
from blocks.ghost_conv import with_ghost_convs
from blocks.initialise import POSITION_STD, initialise
from blocks.mlp import Mlp
from blocks.patch import PatchTokenizer
from blocks.soft_split import Split
from blocks.squeeze_excite import SqueezeExcite
from blocks.t2t import ConvTokenizer, T2TTokenizer
from blocks.token_mixers import TokenLinear, TokenPerformer, TokenTransformer
from blocks.transformer_layer import TransformerLayer
from blocks.vit import VisionTransformer
from searchspace.backbone import BackboneSpec
from searchspace.expand import SpecError
from searchspace.libraries import check_name
from searchspace.size import check_params, may_be_huge
from searchspace.spec import (
    CnnSpec,
    ModelSpec,
    PatchTokenizerSpec,
    T2TTokenizerSpec,
    TokenizerSpec,
    TransformerSpec,
    model_spec,
)

ATTENTION = {"full": Attention, "ghost": GhostAttention}
MIXERS = {"performer": TokenPerformer, "transformer": TokenTransformer, "none": TokenLinear}


def build(spec: ModelSpec) -> nn.Module:
    """The module that a spec describes, with initial weights from torch's current random state.

    Raises:
        SpecError: if a CNN's library does not know its name or its arguments.
    """
    return _cnn(spec) if isinstance(spec, CnnSpec) else _transformer(spec)


def _transformer(spec: TransformerSpec) -> VisionTransformer:
    backbone = spec.backbone
    layers, widths = _layers(backbone)
    model = VisionTransformer(
        tokenizer=_tokenizer(spec.tokenizer, backbone.embed_dim, spec.in_chans),
        layers=layers,
        embed_dim=backbone.embed_dim,
        widths=widths,
        img_size=spec.img_size,
        num_classes=spec.num_classes,
        position=backbone.position,
        position_std=POSITION_STD[backbone.init],
        norm_eps=backbone.norm_eps,
        drop_rate=spec.drop_rate,
        distilled=spec.distilled,
    )
    initialise(model, backbone.init)
    return model


def _tokenizer(tokenizer: TokenizerSpec, embed_dim: int, in_chans: int) -> nn.Module:
    if isinstance(tokenizer, PatchTokenizerSpec):
        return PatchTokenizer(tokenizer.patch_size, embed_dim, in_chans)
    splits = [Split(*split) for split in tokenizer.splits]
    if isinstance(tokenizer, T2TTokenizerSpec):
        return T2TTokenizer(splits, MIXERS[tokenizer.mixer], tokenizer.token_dim, embed_dim, in_chans)
    return ConvTokenizer(splits, tokenizer.token_dim, embed_dim, in_chans)


def _layers(backbone: BackboneSpec) -> tuple[list[nn.Module], list[int]]:
    """The layers, and the width after each."""
    layers: list[nn.Module] = []
    widths: list[int] = []
    index, made_of = 0, backbone.layers()
    blocks = backbone.widths()
    for block in blocks:
        for width in block:
            rate = backbone.drop_path_rate * index / max(1, backbone.depth - 1)
            attention = _attention(width, *made_of[index].attention_arguments())
            mlp = _mlp(width, *made_of[index].mlp_arguments())
            layer: nn.Module = TransformerLayer(width, attention, mlp, rate, backbone.norm_eps)
            if backbone.dense:
                layer = DenseLayer(layer, width, backbone.dense.growth_rate)
                width += backbone.dense.growth_rate
            layers.append(layer)
            widths.append(width)
            index += 1
        if backbone.dense and block is not blocks[-1]:
            grown = block[-1] + backbone.dense.growth_rate
            layers.append(Transition(grown, backbone.transition(grown)))
            widths.append(backbone.transition(grown))
    return layers, widths


def _attention(width: int, kind: str, num_heads: int, qkv_bias: bool, se_reduction: int | None) -> nn.Module:
    gate = None if se_reduction is None else SqueezeExcite(width, se_reduction)
    return ATTENTION[kind](width, num_heads, qkv_bias, gate)


def _mlp(width: int, kind: str, ratio: float) -> nn.Module:
    return GhostMlp(width, ratio) if kind == "ghost" else Mlp(width, int(width * ratio))


def _mixing(tokenizer: T2TTokenizerSpec, in_chans: int) -> nn.Module:
    """A Tokens-to-Token module without its last linear map."""
    made = _tokenizer(tokenizer, 1, in_chans)
    made.proj = nn.Identity()
    return made


class _Map(nn.Module):
    """A map (B, C, H, W) as tokens (B, H W, C)."""

    reduction = 1

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)


def _positions(width: int, grid: tuple[int, int], position: str, distilled: bool) -> nn.Module:
    """A transformer of a map that is there already, without layers, norm and head: class token and positions."""
    model = VisionTransformer(_Map(), [], width, [width], grid, 0, position, distilled=distilled)
    model.norm = nn.Identity()  # type: ignore[assignment]
    return model


def _cnn(spec: CnnSpec) -> nn.Module:
    arguments: dict[str, Any] = {**spec.args, **spec.widths, **spec.depths, "num_classes": spec.num_classes}
    if spec.drop_rate:
        arguments["drop_rate"] = spec.drop_rate
    if spec.library == "timm":
        import timm

        create = partial(timm.create_model, in_chans=spec.in_chans)
    else:
        import torchvision

        if spec.in_chans != 3:
            raise SpecError(f"torchvision's {spec.name} takes 3 channels, got in_chans {spec.in_chans}")
        create = torchvision.models.get_model
    try:
        if may_be_huge(spec):
            with torch.device("meta"):
                check_params(spec.name, sum(p.numel() for p in create(spec.name, **arguments).parameters()))
        model = create(spec.name, **arguments)
        if spec.stem == "small" or spec.stem_width:
            restem(model, spec.stem == "small", spec.stem_width)
    except Exception as error:  # arguments of the wrong kind make a library raise almost anything
        check_name(spec)
        text = " ".join(str(error).split()) or "it does not take its arguments"
        raise SpecError(f"{spec.library} cannot make {spec.name!r}: {text}") from error
    if spec.args.get("aux_logits"):
        model.register_forward_hook(_main_logits)
    if spec.conv == "full":
        return model
    try:
        return with_ghost_convs(model)
    except ValueError as error:
        raise SpecError(f"conv: {spec.name} cannot have ghost convolutions: {error}") from None


def _main_logits(model: nn.Module, inputs: Any, logits: Any) -> Any:
    """An auxiliary classifier's logits are for training alone."""
    return logits if model.training or not isinstance(logits, tuple) else logits[0]


# What makes the parts that `searchspace.cost.composed` takes a model apart into.
PARTS: dict[str, Callable[..., nn.Module]] = {
    "attention": _attention,
    "cnn": lambda text: build(model_spec(json.loads(text))),
    "linear": nn.Linear,
    "mixing": _mixing,
    "mlp": _mlp,
    "norm": nn.LayerNorm,
    "positions": _positions,
    "projection": nn.Linear,
    "tokenizer": _tokenizer,
    "transition": Transition,
}
