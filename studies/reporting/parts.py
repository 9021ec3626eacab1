"""Which arm of a group has which value of which part. No torch here.

A part is a field that some arm says of itself, by its dotted name (`tokenizer.mixer`, `recipe.lr`), or what an arm has
beside its model: `base` (the preset), `stage`, `teacher`, `pretrained`. Values are those of the study file, at full
size: what a scale makes of them is said elsewhere.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from searchspace.expand import field_at
from searchspace.spec import to_dict
from studies.language.expansion import ScaledArm
from studies.language.study import Arm, Key, title

NONE = "none"  # a field that is null, or nobody that teaches


@dataclass(frozen=True)
class Parts:
    """The arms of a group, in order, and the parts that vary among them.

    Attributes:
        names: of the parts.
        values: of each arm by the names of the parts: a plain value, or text; None where its model has no such part.
    """

    group: str
    arms: Sequence[Arm]
    names: Sequence[str]
    values: Mapping[Key, Mapping[str, Any]]


def parts(scaled: Sequence[ScaledArm]) -> list[Parts]:
    """Of each group of a study, the parts that vary."""
    groups: dict[str, list[ScaledArm]] = {}
    for item in scaled:
        groups.setdefault(item.arm.group, []).append(item)
    made = []
    for group, members in groups.items():
        said = dict.fromkeys(name for item in members for name in _said(item.arm))
        rows = {item.arm.key: _beside(item.arm) | values_of(item, said) for item in members}
        names = [name for name in next(iter(rows.values())) if len({key(row[name]) for row in rows.values()}) > 1]
        made.append(Parts(group, [item.arm for item in members], names, rows))
    return made


def key(value: Any) -> str:
    """What tells values apart that may be lists or mappings."""
    return json.dumps(value, sort_keys=True)


def values_of(item: ScaledArm, names: Iterable[str]) -> dict[str, Any]:
    """What an arm has at dotted fields of its model, or of the data and recipe that it is trained with."""
    scale = {"data": item.scale.data.model_dump(mode="json"), "recipe": item.scale.recipe.model_dump(mode="json")}
    everything = to_dict(item.arm.model) | scale
    return {name: _at(everything, name) for name in names}


def _at(data: Mapping[str, Any], path: str) -> Any:
    """A value; `NONE` for a null; None where there is no such field."""
    value = field_at(data, path)
    if value is not None:
        return value
    outer, _, name = path.rpartition(".")
    holder = field_at(data, outer) if outer else data
    return NONE if isinstance(holder, Mapping) and name in holder else None


def _said(arm: Arm) -> list[str]:
    """The fields that an arm says of itself."""
    return [*arm.own, *(f"data.{name}" for name in arm.data), *(f"recipe.{name}" for name in arm.recipe)]


def _beside(arm: Arm) -> dict[str, Any]:
    taught = NONE
    if arm.teacher:
        origin, rule = arm.teacher
        more = f", tau {rule.tau:g}" if rule.kind == "soft" else ""
        taught = f"{title(origin)} ({rule.kind}{more})"
    return {
        "base": arm.preset or "a model of a library",
        "stage": arm.stage or NONE,
        "teacher": taught,
        "pretrained": title(arm.pretrained) if arm.pretrained else NONE,
    }
