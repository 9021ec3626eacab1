"""Load weights: those of the public T2T-ViT release, and our own, into a model of ours.

The release's files hold `state_dict_ema` or `state_dict`, with `module.` before each name on some, and the names of
its own modules, which are mapped here. What does not fit is refused before anything is loaded.
"""

import argparse
import io
import pickle
import re
import warnings
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from torch import nn

from blocks.positions import fit_positions
from blocks.vit import VisionTransformer
from searchspace.expand import SpecError

PREFIXES = ("module.", "_orig_mod.")  # of data parallel and of compiled modules
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


def load_checkpoint(model: nn.Module, path: Path | str, grid: tuple[int, int] | None = None) -> list[str]:
    """Load a file's weights into a model, all or none, and say what had to be adapted.

    EMA weights are preferred. A head for another number of classes is left as the model has it; a position table
    of another resolution is resized bicubically. `.safetensors` files are read too.

    Args:
        model: made by `searchspace.build.build`, or by `timm.create_model` for one of our names.
        path: of the file.
        grid: rows and columns of tokens in the file's position table; default: square.

    Returns:
        A sentence for each adaptation: a head left out, a table resized.

    Raises:
        CheckpointError: if the file cannot be read, or does not fit (the first names that do not).
    """
    return load_into(model, read(path), str(path), grid)


def load_into(
    model: nn.Module, state: dict[str, torch.Tensor], name: str, grid: tuple[int, int] | None = None
) -> list[str]:
    """`load_checkpoint` with weights that are read already; `name` says in errors where they come from."""
    try:
        state, adaptations = adapt(state, model, grid)
    except CheckpointError as error:
        raise CheckpointError(f"{name}: {error}") from None
    _check(state, model.state_dict(), name)
    model.load_state_dict(state)
    return adaptations


def load_whole(model: nn.Module, state: dict[str, torch.Tensor], name: str) -> None:
    """`load_into` for a model that answers as it is: a head for other classes is refused too.

    Of a model on the meta device only names and shapes are compared.
    """
    own = model.state_dict()
    if any(value.is_meta for value in own.values()):
        state = {key: value.to("meta") for key, value in state.items()}
    try:
        state, _ = adapt(state, model, heads=False)
    except CheckpointError as error:
        raise CheckpointError(f"{name}: {error}") from None
    _check(state, own, name)
    model.load_state_dict(state)


def adapt(
    state: dict[str, Any], model: nn.Module, grid: tuple[int, int] | None = None, heads: bool = True
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Weights under our names, a position table resized, a head of other classes replaced; and what was done.

    Those of a library's model stay as they are.

    Args:
        state: as the file has it.
        model: that they are for.
        grid: of the file's position table; default: square.
        heads: whether to replace a head of other classes.

    Raises:
        CheckpointError: if a position table is not of the grid.
    """
    adaptations: list[str] = []
    if not isinstance(model, VisionTransformer):
        return unwrapped(state), adaptations
    state, own = convert(state), model.state_dict()
    table, mine = state.get("pos_embed"), own.get("pos_embed")
    if table is not None and mine is not None and table.ndim == 3 and table.shape[2] == mine.shape[2]:
        old = grid or _square(table, model)
        if old and old != model.grid:
            state["pos_embed"] = fit_positions(table, mine, old, model.grid, model.num_prefix_tokens)
            adaptations.append(f"the position table was resized from {_by(old)} to {_by(model.grid)} tokens")
    for head in ("head", "head_dist") if heads else ():
        adaptations += _fit_head(state, own, head)
    return state, adaptations


def _fit_head(state: dict[str, torch.Tensor], own: dict[str, torch.Tensor], head: str) -> list[str]:
    """Put the model's own head in place of a whole one for other classes; in place."""
    weight, bias = state.get(f"{head}.weight"), state.get(f"{head}.bias")
    mine = own.get(f"{head}.weight")
    if weight is None or bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1]:
        return []  # no head, or a damaged one: the check says so
    if mine is not None and (weight.shape[0] == mine.shape[0] or weight.shape[1] != mine.shape[1]):
        return []
    for name in (f"{head}.weight", f"{head}.bias"):
        del state[name]
        if name in own:
            state[name] = own[name]
    classes = 0 if mine is None else mine.shape[0]
    return [f"{head} is for {weight.shape[0]} classes and was left out: the model has {classes}"]


def _square(table: torch.Tensor, model: VisionTransformer) -> tuple[int, int] | None:
    """The grid of a table of a square one; the model's own if the sizes agree; None if it is of neither."""
    tokens = table.shape[1] - model.num_prefix_tokens
    side = isqrt(max(0, tokens))
    if side**2 == tokens:
        return side, side
    if tokens == model.grid[0] * model.grid[1]:
        return model.grid
    raise CheckpointError(
        f"the position table has {tokens} tokens, which make no square: say which grid, "
        "load_checkpoint(model, path, grid=(rows, columns))"
    )


def _by(grid: tuple[int, int]) -> str:
    return f"{grid[0]} x {grid[1]}"


def read(path: Path | str) -> dict[str, torch.Tensor]:
    """The weights in a file, by name, without what wrappers put before names; nothing but tensors is unpickled.

    Raises:
        CheckpointError: if the file cannot be read or holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no such file: {path}")
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def parse(content: bytes, path: str) -> dict[str, torch.Tensor]:
    """`read` with the content of a file; `path` names it in errors.

    Raises:
        CheckpointError: if it holds no weights.
    """
    try:
        if content[8:9] == b"{":  # safetensors: eight bytes of length, then JSON
            from safetensors.torch import load

            loaded: Any = load(content)
        else:
            # timm's training script keeps its arguments in the file as a plain namespace.
            with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is wrong is said below
                loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f"it holds objects ({found[1]})" if found else "torn, or not a file of weights"
        raise CheckpointError(f"cannot read {path}: {what}; only tensors are loaded") from None
    except Exception as error:  # a torn file makes torch raise almost anything
        text = " ".join(str(error).split())[:120] or type(error).__name__
        raise CheckpointError(f"cannot read {path}: torn, or not a file of weights ({text})") from None
    state = unwrapped(loaded)
    if not isinstance(state, dict) or not state or not all(torch.is_tensor(value) for value in state.values()):
        raise CheckpointError(f"{path} holds no state dict, nor one under {', '.join(WRAPPERS)}")
    odd = [name for name, value in state.items() if value.is_meta or not value.is_floating_point()]
    odd = [name for name in odd if not name.endswith("num_batches_tracked")]
    sparse = [name for name, value in state.items() if value.layout is not torch.strided]
    if sparse:
        raise CheckpointError(f"{path}: {sparse[0]} is a sparse tensor, and only dense ones are loaded")
    if odd:
        raise CheckpointError(f"{path}: {odd[0]} is not a tensor of real numbers ({state[odd[0]].dtype})")
    return state


def unwrapped(content: Any) -> Any:
    """The state dict in a file's content, without what `PREFIXES` has before its names."""
    if not isinstance(content, dict):
        return content
    state = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict) and content[key]), content)
    state = {str(name): value for name, value in state.items()}
    while prefix := next((p for p in PREFIXES if state and all(name.startswith(p) for name in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


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


def _check(state: dict[str, torch.Tensor], own: dict[str, torch.Tensor], path: str) -> None:
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
