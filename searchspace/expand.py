"""Dotted overrides: `backbone.depth=16` over the plain data of a spec."""

import copy
import difflib
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from searchspace.spec import ModelSpec, model_spec, to_dict

KINDS = ("patch", "t2t", "conv", "constrained-int", "int", "Range")  # what pydantic adds to a path for a union


class SpecError(ValueError):
    """A spec, an override or a name that does not work; the message is one line for the user."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean a, b?` with the nearest known names, or all of them if none is near."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {', '.join(near)}?"
    return f"; known: {', '.join(known)}" if known else ""


def override(spec: ModelSpec, changes: Mapping[str, Any]) -> ModelSpec:
    """A copy of the spec with dotted fields replaced, checked as a whole after the last change.

    A tokenizer of another kind starts from that kind's defaults, with what both kinds have kept.

    Raises:
        SpecError: for an unknown field (with the nearest names), or if the result breaks an invariant.
    """
    data = to_dict(spec)
    for path, value in changes.items():
        _set(data, type(spec), path, value)
    return checked(data)


def checked(data: dict[str, Any]) -> ModelSpec:
    """`model_spec` with the error as one line."""
    try:
        return model_spec(data)
    except ValidationError as error:
        raise SpecError(one_line(error)) from None


def one_line(error: ValidationError) -> str:
    """The first errors of a pydantic validation as `where: what`; unknown fields first, as they explain more."""
    errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    return "; ".join(dict.fromkeys(describe(e) for e in errors[:3]))


def describe(error: Any) -> str:
    """One pydantic error as `where: what must hold (got what)`."""
    where = ".".join(str(part) for part in error["loc"] if part not in KINDS and not str(part).endswith("]"))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown field"
    elif error["type"] not in ("value_error", "missing"):
        message = f"{message}, got {error['input']!r}"
    return f"{where}: {message}" if where else message


def parse_override(text: str) -> tuple[str, Any]:
    """`backbone.depth=16` as (`backbone.depth`, 16); the value is read as YAML.

    Raises:
        SpecError: if there is no `=` or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise SpecError(f"an override is written field=value, for example backbone.depth=16; got {text!r}")
    try:
        return path.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise SpecError(f"the value of {path.strip()!r} is not YAML: {value!r}") from None


def differences(spec: Any, base: Any, prefix: str = "") -> dict[str, Any]:
    """What a spec's plain data has that differs from the base's, as dotted overrides."""
    if not (isinstance(spec, dict) and isinstance(base, dict)):
        return {} if spec == base else {prefix: spec}
    if prefix and base.keys() - spec.keys():
        return {prefix: spec}  # an override cannot remove a key, so the whole is given
    changed: dict[str, Any] = {}
    for key, value in spec.items():
        path = f"{prefix}.{key}" if prefix else key
        if key not in base:
            changed[path] = value
        elif value != base[key]:
            changed |= differences(value, base[key], path)
    return changed


def _set(data: dict[str, Any], model: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    node: Any = data
    models = [model]
    for depth, part in enumerate([*parents, last]):
        known = sorted({name for m in models for name in m.model_fields}) if models else list(node)
        if models and part not in known:
            here = ".".join(path.split(".")[:depth])
            names = [f"{here}.{name}" if here else name for name in known]
            raise SpecError(f"unknown field {path!r}{nearest('.'.join(path.split('.')[: depth + 1]), names)}")
        if part is last and depth == len(parents):
            break
        models = [m for model in models for m in inner_models(model.model_fields[part].annotation)]
        if node.get(part) is None:
            node[part] = {}
        node = node[part]
        if not isinstance(node, dict):
            raise SpecError(f"unknown field {path!r}; {'.'.join(path.split('.')[: depth + 1])} has no fields")
    node[last] = copy.deepcopy(value)
    if path == "tokenizer.kind":
        chosen = [m for m in models if value in get_args(m.model_fields["kind"].annotation)]
        for name in [name for name in node if chosen and name not in chosen[0].model_fields]:
            del node[name]


def inner_models(annotation: Any) -> list[type[BaseModel]]:
    """Every spec class that a field of this type may hold, itself or as a value of a mapping."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner_models(arguments[0])
    if origin is dict:
        return inner_models(arguments[1])
    if origin in (Union, UnionType):
        return [m for arg in arguments for m in inner_models(arg)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
