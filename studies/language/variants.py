"""What the overrides of an arm make of its base. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from searchspace.expand import SpecError, field_at, nearest, override
from searchspace.shrink import SET
from searchspace.spec import ModelSpec, to_dict
from studies.trials.data import DATA_KINDS
from studies.trials.recipe import Recipe

RESERVED = ("base", "stage", "teacher", "pretrained", "data", "recipe")  # keys of an arm that are no fields of a model
PARTS = {"data": DATA_KINDS, "recipe": (Recipe,)}  # of a scale, that an arm may change


@dataclass(frozen=True)
class Variant:
    """What an arm's overrides make of its base: the model, what they say of it, and of data and recipe."""

    model: ModelSpec
    own: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)

    def is_base(self, base: ModelSpec) -> bool:
        """Whether it is the base itself, at every scale."""
        return self.model == base and not (self.data or self.recipe or set(self.own) & set(SET))


def vary(start: ModelSpec, changes: Mapping[str, Any]) -> Variant:
    """A model with dotted overrides, some of which may be of the scale's `data.` and `recipe.`.

    Raises:
        SpecError: for an unknown field (with the nearest names), or if the model breaks an invariant.
    """
    of_scale, of_model = changes_of_scale(changes)
    known = [*RESERVED, *type(start).model_fields]
    for path in of_model:
        if "." not in path and path not in known:
            raise SpecError(f"unknown field {path!r}{nearest(path, known)}", path, "unknown_field")
    return Variant(override(start, of_model), _own(start, of_model), **of_scale)


def changes_of_scale(changes: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Dotted changes taken apart: those of a scale's `data` and of its `recipe`, by their names there, and the rest.

    Raises:
        SpecError: for a field that neither data nor recipes have (with the nearest names).
    """
    of_scale: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    rest: dict[str, Any] = {}
    for path, value in changes.items():
        part, dot, name_there = path.partition(".")
        if part not in of_scale:
            rest[path] = value
            continue
        if not dot and not isinstance(value, dict):
            raise SpecError(f"{part}: a mapping of fields, got {value!r}", part)
        for name, inner in value.items() if not dot else ((name_there, value),):
            fields = sorted({field for spec in PARTS[part] for field in spec.model_fields})
            if name.partition(".")[0] not in fields:
                hint = nearest(f"{part}.{name}", [f"{part}.{field}" for field in fields])
                raise SpecError(f"unknown field '{part}.{name}'{hint}", path, "unknown_field")
            if name in of_scale[part]:
                raise SpecError(f"{part}.{name} is given twice: leave one out", path)
            of_scale[part][name] = inner
    return of_scale, rest


def _own(start: ModelSpec, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that overrides set, one by one; what a mapping only repeats of the base is not among them."""
    found: dict[str, Any] = {}
    for path, value in changes.items():
        if not isinstance(value, dict):
            found[path] = value
            continue
        kind = {f"{path}.kind": value["kind"]} if "kind" in value else {}
        before = field_at(to_dict(override(start, kind) if kind else start), path)
        for name, inner in value.items():
            if not isinstance(before, dict) or before.get(name) != inner:
                found[f"{path}.{name}"] = inner
    return found
