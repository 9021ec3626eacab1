"""Which groups of a study are factorial, and which arm has which levels. No torch here."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from reports.effects import Design
from studies.language.expansion import ScaledArm
from studies.language.generators import name_of
from studies.language.study import Arm
from studies.reporting.parts import Parts, key, parts, values_of


def designs(scaled: Sequence[ScaledArm]) -> list[Design]:
    """Of the groups that cross factors: those with a grid, and those whose arms are all combinations of two parts.

    The cells of a grid are its arms, and any other arm of the group that differs from these in nothing else: the base
    mostly, which need not be written twice. The first level of a factor is the baseline's, if the baseline is a cell.
    """
    refused = {item.arm.key: item.refusal for item in scaled if item.model is None}
    made = []
    for group in parts(scaled):
        members = [item for item in scaled if item.arm.group == group.group]
        why = {name: text for (of, name), text in refused.items() if of == group.group}
        if found := _of_grid(members, group) or _complete(group):
            made.append(Design(group.group, *found, why))
    return made


Found = tuple[dict[str, list[str]], dict[tuple[str, ...], str]]


def _of_grid(members: Sequence[ScaledArm], group: Parts) -> Found | None:
    made = [item.arm for item in members if item.arm.grid]
    if not made:
        return None
    fields = made[0].grid
    has = {item.arm.key: {name: key(value) for name, value in values_of(item, fields).items()} for item in members}
    texts = {name: {has[arm.key][name]: _text(name, arm.grid[name]) for arm in made} for name in fields}
    factors = {name: levels for name, levels in texts.items() if len(levels) > 1}
    others = [name for name in group.names if not any(f"{name}.".startswith(f"{field}.") for field in fields)]
    beside = [key(group.values[made[0].key][name]) for name in others]
    cells: dict[tuple[str, ...], Arm] = {}
    for arm in sorted(group.arms, key=lambda arm: not arm.baseline):  # the baseline, where two arms are a cell
        levels = [factors[name].get(has[arm.key][name]) for name in factors]
        if None not in levels and [key(group.values[arm.key][name]) for name in others] == beside:
            cells.setdefault(tuple(level for level in levels if level is not None), arm)
    return _from_the_baseline({name: list(levels.values()) for name, levels in factors.items()}, cells)


def _complete(group: Parts) -> Found | None:
    """Arms written by hand that are every combination of the values of two parts or more, each once."""
    if len(group.names) < 2 or any(row[name] is None for row in group.values.values() for name in group.names):
        return None
    cells = {tuple(_text(name, group.values[arm.key][name]) for name in group.names): arm for arm in group.arms}
    factors = {name: list(dict.fromkeys(cell[i] for cell in cells)) for i, name in enumerate(group.names)}
    whole = len(cells) == len(group.arms) == prod(len(levels) for levels in factors.values())
    return _from_the_baseline(factors, cells) if whole else None


def _from_the_baseline(factors: dict[str, list[str]], cells: Mapping[tuple[str, ...], Arm]) -> Found | None:
    first = next((cell for cell, arm in cells.items() if arm.baseline), None)
    if not factors:
        return None
    if first:
        factors = {
            name: sorted(levels, key=lambda level, at=at: level != at)  # type: ignore[misc]
            for (name, levels), at in zip(factors.items(), first, strict=True)
        }
    return factors, {cell: arm.name for cell, arm in cells.items()}


def _text(name: str, value: Any) -> str:
    """A value as it stands in the names of arms."""
    return name_of({name: value}).partition("=")[2]
