"""Load weights: those of the public T2T-ViT release, and our own, into a model of ours.

The release's files hold `state_dict_ema` or `state_dict`, with `module.` before each name on some, and the names of
its own modules, which are mapped here. What does not fit is refused before anything is loaded.
"""

import argparse
import re
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from torch import nn

from blocks.positions import resize_positions
from blocks.vit import VisionTransformer
from searchspace.expand import SpecError

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")  # the first that a file has
# Names in the public release, and what they are here.
RENAMES = (
    (r"^tokens_to_token\.project\.", "tokenizer.proj."),
    (r"^tokens_to_token\.soft_split(\d)\.", lambda m: f"tokenizer.convs.{m[1]}."),
    (r"^tokens_to_token\.attention(\d)\.attn\.", lambda m: f"tokenizer.mixers.{int(m[1]) - 1}."),
    (r"^tokens_to_token\.attention(\d)\.", lambda m: f"tokenizer.mixers.{int(m[1]) - 1}."),
    (r"^(tokenizer\.mixers\.\d\.mlp)\.0\.", r"\1.fc1."),
    (r"^(tokenizer\.mixers\.\d\.mlp)\.2\.", r"\1.fc2."),
    (r"^patch_embed\.", "tokenizer."),
    (r"\.attn\.se_layer\.fc\.0\.", ".attn.gate.fc1."),
    (r"\.attn\.se_layer\.fc\.2\.", ".attn.gate.fc2."),
    (r"\.attn\.([qkv])\.weight$", r".attn.\1.primary.weight"),
    (r"\.attn\.([qkv])\.bias$", r".attn.\1.primary.bias"),
    (r"\.attn\.cheap_operation_([qkv])\.", r".attn.\1.cheap."),
    (r"\.mlp\.cheap_operation(\d)\.", lambda m: f".mlp.cheap.{int(m[1]) - 2}."),
    (r"\.dense_linear\.", ".grow."),
)
DENSE = re.compile(r"^(blocks\.\d+)\.(norm1|attn|norm2|mlp)\.")


class CheckpointError(SpecError):
    """A file that cannot be loaded into the model; the message is one line for the user."""


def load_checkpoint(model: nn.Module, path: Path | str) -> list[str]:
    """Load a file's weights into a model, all or none, and say what had to be adapted.

    EMA weights are preferred. A head for another number of classes is left as the model has it; a position table
    of another resolution is resized bicubically. `.safetensors` files are read too.

    Args:
        model: made by `build` or `timm.create_model`.
        path: of the file.

    Returns:
        A sentence for each adaptation: a head left out, a table resized.

    Raises:
        CheckpointError: if the file cannot be read, or does not fit (the first names that do not).
    """
    state, said = adapt(read(path), model)
    _check(state, model.state_dict(), path)
    model.load_state_dict(state)
    return said


def adapt(state: dict[str, Any], model: nn.Module) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Weights under our names, a position table resized, a head of other classes replaced; and what was done."""
    state, own = convert(state), model.state_dict()
    said: list[str] = []
    for name in [name for name in state if name in own and state[name].shape != own[name].shape]:
        if name == "pos_embed" and isinstance(model, VisionTransformer):
            resized = _positions(state[name], model)
            if resized is not None:
                said.append(f"the position table was resized from {state[name].shape[1]} to {resized.shape[1]} rows")
                state[name] = resized
        elif name.split(".")[0] in ("head", "head_dist") and state[name].shape[1:] == own[name].shape[1:]:
            if name.endswith("weight"):
                ours, theirs = own[name].shape[0], state[name].shape[0]
                said.append(f"{name.split('.')[0]} is for {theirs} classes and was left out: the model has {ours}")
            state[name] = own[name]
    return state, said


def read(path: Path | str) -> dict[str, torch.Tensor]:
    """The weights in a file, by name, without `module.`; nothing but tensors is unpickled.

    Raises:
        CheckpointError: if the file cannot be read or holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no such file: {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            # timm's training script keeps its arguments in the file as a plain namespace.
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a torn file makes torch raise almost anything
        text = " ".join(str(error).split())[:160]
        raise CheckpointError(f"cannot read {path}: torn, or not a file of weights ({text})") from None
    state = unwrapped(content)
    if not isinstance(state, dict) or not state or not all(torch.is_tensor(value) for value in state.values()):
        raise CheckpointError(f"{path} holds no state dict, nor one under {', '.join(WRAPPERS)}")
    return state


def unwrapped(content: Any) -> Any:
    """The state dict in a file's content, without `module.` before its names."""
    if not isinstance(content, dict):
        return content
    state = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), content)
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def convert(content: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The public release's names as ours; names that are ours already stay."""
    state = unwrapped(content)
    dense = {name.removesuffix(".dense_linear.weight") for name in state if name.endswith(".dense_linear.weight")}
    made = {}
    for name, value in state.items():
        found = DENSE.match(name)
        if found and found[1] in dense:
            name = f"{found[1]}.layer{name.removeprefix(found[1])}"
        for pattern, replacement in RENAMES:
            name = re.sub(pattern, replacement, name)
        made[name] = value.flatten() if ".cheap." in name else value
    return made


def _positions(table: torch.Tensor, model: VisionTransformer) -> torch.Tensor | None:
    """A table of a square grid resized to the model's grid; None if it is of no square grid."""
    side = isqrt(max(0, table.shape[1] - model.num_prefix_tokens))
    if table.shape[1] != model.num_prefix_tokens + side**2:
        return None
    return resize_positions(table, (side, side), model.grid, model.num_prefix_tokens)


def _check(state: dict[str, torch.Tensor], own: dict[str, torch.Tensor], path: Path | str) -> None:
    problems = []
    for title, names in (
        ("missing", [name for name in own if name not in state]),
        ("not in the model", [name for name in state if name not in own]),
        (
            "of another shape",
            [
                f"{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}"
                for name in own
                if name in state and state[name].shape != own[name].shape
            ],
        ),
    ):
        if names:
            rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
            problems.append(f"{title}: {', '.join(names[:3])}{rest}")
    if problems:
        raise CheckpointError(f"{path} is of another model; {'; '.join(problems)}")
