"""What of a spec an id is a hash of, so that ids outlive new fields.

A field of the first version is always hashed. A field that is added later carries `Added` with the default that it was
added with, and is hashed only where it differs from that default: what was hashed before the field was there keeps its
id. That default never changes, also when the field's own default does; a golden table in the tests holds every one.
What can be written in several ways has a method `simplest`, and is hashed as that gives it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from searchspace.added import Added
from searchspace.expand import inner_models


def hashed(spec: BaseModel) -> dict[str, Any]:
    """A spec as plain data, without the added fields that have the default that they were added with."""
    return _without_defaults(spec, spec.model_dump(mode="json"))


def added_fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Added]]:
    """Every added field below a spec class, by its dotted name."""
    for name, field in model.model_fields.items():
        yield from ((f"{prefix}{name}", mark) for mark in field.metadata if isinstance(mark, Added))
        for inner in inner_models(field.annotation):
            yield from added_fields(inner, f"{prefix}{name}.")


@cache
def _marks(model: type[BaseModel]) -> list[tuple[str, Added | None]]:
    """The fields of a spec class, each with what says that it was added."""
    fields = model.model_fields.items()
    return [(name, next((mark for mark in field.metadata if isinstance(mark, Added)), None)) for name, field in fields]


def _without_defaults(value: Any, plain: Any) -> Any:
    """`plain` is what `value` is as plain data; specs may lie in lists and mappings."""
    if isinstance(value, BaseModel):
        if (simplest := getattr(value, "simplest", None)) is not None:
            value = simplest()
            plain = value.model_dump(mode="json")
        kept = {}
        for name, mark in _marks(type(value)):  # type: ignore[arg-type]
            if name in plain and (mark is None or plain[name] != mark.default):
                inner = plain[name]  # mostly a leaf, which is as it is
                kept[name] = _without_defaults(getattr(value, name), inner) if isinstance(inner, dict | list) else inner
        return kept
    if isinstance(value, dict):
        return {key: _without_defaults(value[key], plain[key]) for key in plain}
    if isinstance(value, (list, tuple)):
        return [_without_defaults(inner, outer) for inner, outer in zip(value, plain, strict=True)]
    return plain
