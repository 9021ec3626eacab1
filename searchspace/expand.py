"""Dotted overrides: `backbone.depth=16` over the plain data of a spec."""

import copy
import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from searchspace.bounds import shown
from searchspace.spec import ModelSpec, model_spec, to_dict

Models = tuple[type[BaseModel], ...]

MOST_LISTED = 100  # names in an error
WANTED = {  # of pydantic's kinds of error, what it should have been
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping, `key: value`",
    "list_type": "a list",
    "model_attributes_type": "a mapping of its fields, `key: value`",
    "model_type": "a mapping of its fields, `key: value`",
    "string_type": "text (a number in quotes is text)",
    "tuple_type": "a list",
}


class SpecError(ValueError):
    """A spec, an override or a name that does not work; the message is one line for the user.

    Attributes:
        where: dotted field that is to blame; "" if none is.
        kind: "unknown_field", or "value" for all else.
    """

    def __init__(self, message: str, where: str = "", kind: str = "value") -> None:
        super().__init__(message)
        self.where, self.kind = where, kind

    def blames(self, path: str) -> bool:
        """Whether a dotted field is the one to blame, or holds it."""
        return f"{self.where}.".startswith(f"{path}.")


def nearest(name: str, known: Iterable[str], most: int = MOST_LISTED) -> str:
    """`; did you mean a, b?` with the nearest known names; if none is near, all of them, unless they are too many."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {', '.join(near)}?"
    return f"; known: {', '.join(known)}" if known and len(known) <= most else ""


def override(spec: ModelSpec, changes: Mapping[str, Any]) -> ModelSpec:
    """A copy of the spec with dotted fields replaced, checked as a whole after the last change.

    A tokenizer of another kind starts from that kind's defaults, with what both kinds have kept.

    Raises:
        SpecError: for an unknown field (with the nearest names), or if the result breaks an invariant.
    """
    data = to_dict(spec)
    for path, value in changes.items():
        set_field(data, type(spec), path, value)
    return checked(data)


def checked(data: dict[str, Any]) -> ModelSpec:
    """`model_spec` with the error as one line."""
    try:
        return model_spec(data)
    except ValidationError as error:
        raise from_validation(error, data) from None


def from_validation(error: ValidationError, data: Any, prefix: str = "") -> SpecError:
    """The error of validating plain data, as a `SpecError` that says where."""
    first = most_telling_first(error, data)[0]
    where = ".".join(filter(None, (prefix, ".".join(map(str, place(first, data))))))
    kind = "unknown_field" if first["type"] == "extra_forbidden" else "value"
    return SpecError(one_line(error, data), where, kind)


def one_line(error: ValidationError, data: Any) -> str:
    """The first errors of validating plain data as `where: what`; unknown fields first, as they explain more."""
    return "; ".join(dict.fromkeys(describe(e, data) for e in most_telling_first(error, data)[:3]))


def describe(error: Any, data: Any) -> str:
    """One pydantic error over plain data as `where: what must hold (got what)`."""
    where = ".".join(str(part) for part in place(error, data))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown field"
    elif error["type"] == "union_tag_invalid":
        message = f"must be one of {error['ctx']['expected_tags']}, got {shown(error['ctx']['tag'])}"
    elif error["type"] == "union_tag_not_found":
        message = "Field required"
    elif error["type"] not in ("value_error", "missing"):
        message = f"{WANTED.get(error['type'], message)}, got {shown(error['input'])}"
    return f"{where}: {message}" if where else message


def place(error: Any, data: Any) -> tuple[str | int, ...]:
    """Where in the plain data an error is, without what pydantic adds to the path for a union."""
    found: list[str | int] = []
    node = data
    for i, part in enumerate(error["loc"]):
        if (isinstance(node, dict) and part in node) or (
            isinstance(node, (list, tuple)) and isinstance(part, int) and part < len(node)
        ):
            found.append(part)
            node = node[part]
        elif error["type"] == "missing" and i + 1 == len(error["loc"]):
            found.append(part)
    if error["type"].startswith("union_tag"):
        found.append(error["ctx"]["discriminator"].strip("'"))
    return tuple(found)


def most_telling_first(error: ValidationError, data: Any) -> list[Any]:
    """The errors of validating plain data: unknown fields first; not that a list is wrong where one in it is."""
    errors = [(place(e, data), e) for e in error.errors()]
    within = {where[:n] for where, _ in errors for n in range(len(where))}
    kept = [e for where, e in errors if where not in within] or [e for _, e in errors]
    return sorted(kept, key=lambda e: e["type"] != "extra_forbidden")


def parse_override(text: str) -> tuple[str, Any]:
    """`backbone.depth=16` as (`backbone.depth`, 16); the value is read as YAML.

    Raises:
        SpecError: if there is no `=` or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise SpecError(f"an override is written field=value, for example backbone.depth=16; got {shown(text)}")
    try:
        return path.strip(), yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date or a number that there is not
        raise SpecError(f"the value of {path.strip()!r} is not YAML: {shown(value)}") from None


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Overrides as they are given on a command line, each field once.

    Raises:
        SpecError: if one cannot be read, or a field is given twice.
    """
    found: dict[str, Any] = {}
    for path, value in map(parse_override, texts):
        if path in found:
            raise SpecError(f"{path} is given twice, as {shown(found[path])} and {shown(value)}: leave one out", path)
        found[path] = value
    return found


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


def set_field(data: dict[str, Any], model: type[BaseModel], path: str, value: Any) -> None:
    """Replace a dotted field in the plain data of a model; nothing is checked but that there is such a field.

    What is in a list has a number for its name, from 0: `backbone.stages.0.mlp_ratio`.

    Raises:
        SpecError: if there is none (with the nearest names).
    """
    parts = path.split(".")
    node: Any = data
    models: Models = (model,)
    for depth, part in enumerate(parts):
        holder = ".".join(parts[:depth])
        key = _key(node, models, part, holder, path)
        if depth + 1 == len(parts):
            break
        if not isinstance(node, list):
            models, is_list = _within(models, part)
            if node.get(part) is None and is_list:
                name = ".".join(parts[: depth + 1])
                raise SpecError(f"{path}: {name} is none here; give it first as a list, [{{}}, {{}}] say", path)
            if node.get(part) is None:
                node[part] = {}
        node[key] = list(node[key]) if isinstance(node[key], tuple) else node[key]
        node = node[key]
        if not isinstance(node, (dict, list)):
            name = ".".join(parts[: depth + 1])
            raise SpecError(f"unknown field {path!r}; {name} has no fields", path, "unknown_field")
    node[key] = copy.deepcopy(value)
    if path == "tokenizer.kind":
        chosen = [m for m in models if value in get_args(m.model_fields["kind"].annotation)]
        for name in [name for name in node if chosen and name not in chosen[0].model_fields]:
            del node[name]


@cache
def _within(models: Models, part: str) -> tuple[Models, bool]:
    """The spec classes that a field of some may hold, and whether it may hold a list of them."""
    types = [m.model_fields[part].annotation for m in models if part in m.model_fields]
    return tuple(m for annotation in types for m in inner_models(annotation)), any(map(holds_list, types))


@cache
def _fields(models: Models) -> list[str]:
    return sorted({name for m in models for name in m.model_fields})


def _key(node: Any, models: Models, part: str, holder: str, path: str) -> Any:
    """What a part of a dotted path is the key of in plain data.

    Raises:
        SpecError: if there is no such field, or no such place in a list.
    """
    if isinstance(node, list):
        if part.isdecimal() and int(part) < len(node):
            return int(part)
        raise SpecError(
            f"unknown field {path!r}; {holder} is a list, of which 0 to {len(node) - 1} are there",
            path,
            "unknown_field",
        )
    if models and part not in (known := _fields(models)):
        hint = nearest(f"{holder}.{part}" if holder else part, [f"{holder}.{n}" if holder else n for n in known])
        raise SpecError(f"unknown field {path!r}{hint}", path, "unknown_field")
    return part


def field_at(data: Any, path: str) -> Any:
    """What plain data has at a dotted path; None if it has no such field."""
    for part in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, (list, tuple)) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data


def inner_models(annotation: Any) -> list[type[BaseModel]]:
    """Every spec class that a field of this type may hold, itself or as a value of a mapping or a list."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner_models(arguments[0])
    if origin is dict:
        return inner_models(arguments[1])
    if origin in (list, tuple):
        return inner_models(arguments[0])
    if origin in (Union, UnionType):
        return [m for arg in arguments for m in inner_models(arg)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def holds_list(annotation: Any) -> bool:
    """Whether a field of this type may hold a list of specs."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType, Annotated):
        return any(holds_list(argument) for argument in arguments)
    return origin in (list, tuple) and bool(inner_models(annotation))
