"""Arms from generators: one at a time, the reverse, factorial, paired, sampled. No torch here.

A generator names fields by dotted paths and gives values for each. What it makes are arms as one would write them by
hand, a name and overrides of the base; arms that `exclude` matches are dropped before anything is checked.
"""

import json
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationInfo, field_validator, model_validator

from searchspace.bounds import Within
from searchspace.expand import SpecError, nearest
from searchspace.spec import Spec

Overrides = dict[str, Any]
Values = list[Any] | str | int | float | bool | None
MOST_ARMS = 10_000  # of a study
MOST_DRAWS = 1000
FIELDS = ("ablate", "add_one", "grid", "zip")  # generators that map fields to values
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
TRIES = 100  # draws of a sample before giving up on finding one that can be built


Limit = Annotated[int | float, Within(-1_000_000_000_000, 1_000_000_000_000)]


class Range(Spec):
    """Numbers from `low` to `high`, both included: whole ones if both are, else any."""

    low: Limit
    high: Limit
    log: bool = Field(False, description="even on a logarithmic scale")

    @model_validator(mode="after")
    def _check(self) -> "Range":
        if self.high < self.low or (self.log and self.low <= 0):
            raise ValueError(f"low must be at most high, and above 0 with log, got {self.low} to {self.high}")
        return self

    def draw(self, source: random.Random) -> int | float:
        """One number."""
        if self.log:
            drawn = self.low * (self.high / self.low) ** source.random()
        elif isinstance(self.low, int) and isinstance(self.high, int):
            return source.randint(self.low, self.high)
        else:
            drawn = source.uniform(self.low, self.high)
        return round(drawn) if isinstance(self.low, int) and isinstance(self.high, int) else drawn


class Sample(Spec):
    """Draws that can be built, all different."""

    n: Annotated[int, Within(1, MOST_DRAWS)] = Field(description="how many arms")
    seed: Annotated[int, Within(-(2**63), 2**63 - 1)] = 0
    fields: dict[str, Range | list[Any]] = Field(min_length=1, description="a range, or a list to choose from")

    @field_validator("fields")
    @classmethod
    def _something(cls, fields: dict[str, Range | list[Any]]) -> dict[str, Range | list[Any]]:
        empty = [field for field, values in fields.items() if values == []]
        if empty:
            raise ValueError(f"at least one value to choose from, got none for {empty[0]}")
        return fields


class Generators(Spec):
    """What makes arms, in a group or in a study of one group."""

    ablate: dict[str, Values] = Field({}, description="one at a time: replace each listed part of the base")
    add_one: dict[str, Values] = Field({}, description="the reverse: replace all, then give back one at a time")
    grid: dict[str, list[Any]] = Field({}, description="every combination")
    zip: dict[str, list[Any]] = Field({}, description="first values together, second values together, ...")
    sample: Sample | None = Field(None, description="random draws")
    exclude: list[Overrides] = Field([], description="drop generated arms that have all of these values")
    name: str | None = Field(
        None, description="of an arm of grid, zip or sample: text with its fields, such as {depth} x {embed_dim}"
    )

    @field_validator("zip")
    @classmethod
    def _equal(cls, zip_: dict[str, list[Any]]) -> dict[str, list[Any]]:
        lengths = {len(values) for values in zip_.values()}
        if len(lengths) > 1:
            raise ValueError(f"every list must have the same length, got {sorted(lengths)}")
        return zip_

    @field_validator("add_one")
    @classmethod
    def _single(cls, add_one: dict[str, Values]) -> dict[str, Values]:
        several = [field for field, value in add_one.items() if isinstance(value, list) and len(value) != 1]
        if several:
            raise ValueError(f"one value for each field, that without the part, got more for {several[0]}")
        return add_one

    @field_validator("grid")
    @classmethod
    def _not_too_many(cls, grid: dict[str, list[Any]]) -> dict[str, list[Any]]:
        count = prod(len(values) for values in grid.values())
        if count > MOST_ARMS:
            longest = max(grid, key=lambda field: len(grid[field]))
            raise ValueError(
                f"its lists multiply to {count} arms, and at most {MOST_ARMS} are made: give fewer values "
                f"({longest} has {len(grid[longest])}), or draw some by `sample`"
            )
        return grid

    @field_validator("ablate", "grid", "zip")
    @classmethod
    def _not_empty(cls, fields: dict[str, Any]) -> dict[str, Any]:
        empty = [field for field, values in fields.items() if values == []]
        if empty:
            raise ValueError(f"at least one value for each field, got none for {empty[0]}")
        return fields

    @field_validator("name")
    @classmethod
    def _named(cls, name: str | None, others: ValidationInfo) -> str | None:
        if name is None:
            return name
        sample = others.data.get("sample")
        makers = {kind: others.data.get(kind) for kind in ("grid", "zip")} | {"sample": sample and sample.fields}
        given = {kind: fields for kind, fields in makers.items() if fields}
        placeholders = PLACEHOLDER.findall(name)
        if not (given and placeholders and name.isprintable()):
            raise ValueError(
                "a line of text with fields of grid, zip or sample in braces, such as {depth} x {embed_dim}"
            )
        for kind, fields in given.items():
            known = _short(list(fields)).values()
            for placeholder in placeholders:
                if placeholder not in (*known, *fields):
                    raise ValueError(f"{{{placeholder}}} is no field of {kind}{nearest(placeholder, known)}")
        return name

    def generates(self) -> bool:
        """Whether any generator is given."""
        return bool(self.ablate or self.add_one or self.grid or self.zip or self.sample)


class Generated(NamedTuple):
    """An arm that a generator makes.

    Attributes:
        kind: the generator.
        name: by what varies among its arms, or by the template.
        long_name: by all that it changes.
        overrides: of the base.
    """

    kind: str
    name: str
    long_name: str
    overrides: Overrides


def generate(rules: Generators, can_be_built: Any) -> Iterator[Generated]:
    """The arms that the rules make.

    Args:
        rules: of a group.
        can_be_built: says of overrides whether the base can be changed so; what is drawn and cannot is drawn again.

    Raises:
        SpecError: if `sample` finds too few arms that can be built.
    """
    varying = {
        "grid": _varying(rules.grid),
        "zip": _varying(rules.zip),
        "sample": _varying(rules.sample.fields if rules.sample else {}),
    }
    for kind, name, overrides in _all(rules, can_be_built):
        if any(matches(overrides, excluded) for excluded in rules.exclude):
            continue
        long_name = name or name_of(overrides)
        if kind not in varying:
            yield Generated(kind, long_name, long_name, overrides)
        elif rules.name:
            yield Generated(kind, _filled(rules.name, overrides), long_name, overrides)
        else:
            yield Generated(kind, name_of(overrides, varying[kind]) or long_name, long_name, overrides)


def name_of(overrides: Mapping[str, Any], fields: Collection[str] | None = None) -> str:
    """Overrides (of these fields) as a name: the last part of each path where that is enough, and its value."""
    short = _short(list(overrides))
    shown = [path for path in overrides if fields is None or path in fields]
    return ", ".join(f"{short[path]}={_text(overrides[path])}" for path in shown)


def _short(paths: Sequence[str]) -> dict[str, str]:
    """Dotted paths by their last part, where that is enough to tell them apart."""
    last = [path.rpartition(".")[2] for path in paths]
    return {path: part if last.count(part) == 1 else path for part, path in zip(last, paths, strict=True)}


def _varying(fields: Mapping[str, Range | list[Any]]) -> set[str]:
    """The fields with more than one value."""

    def varies(values: Range | list[Any]) -> bool:
        return values.low != values.high if isinstance(values, Range) else any(v != values[0] for v in values)

    return {field for field, values in fields.items() if varies(values)}


def _filled(template: str, overrides: Overrides) -> str:
    """The template with each field's value in place of its name in braces."""
    by_name = {name: overrides[path] for path, name in _short(list(overrides)).items()} | overrides
    return PLACEHOLDER.sub(lambda found: _text(by_name[found[1]]), template)


def _all(rules: Generators, can_be_built: Any) -> Iterator[tuple[str, str, Overrides]]:
    for field, values in rules.ablate.items():
        for value in values if isinstance(values, list) else [values]:
            yield "ablate", "", {field: value}
    stripped = {field: value[0] if isinstance(value, list) else value for field, value in rules.add_one.items()}
    if stripped:
        yield "add_one", "stripped", stripped
    for field in stripped:
        rest = {other: value for other, value in stripped.items() if other != field}
        yield "add_one", f"stripped + {field.rpartition('.')[2]}", rest
    crossed = product(*rules.grid.values()) if rules.grid else []
    paired = zip(*rules.zip.values(), strict=True)
    made = [("grid", dict(zip(rules.grid, values, strict=True))) for values in crossed]
    made += [("zip", dict(zip(rules.zip, values, strict=True))) for values in paired]
    for kind, overrides in made:
        yield kind, "", overrides
    if rules.sample:
        for overrides in _draws(rules.sample, rules.exclude, [overrides for _, overrides in made], can_be_built):
            yield "sample", "", overrides


def _draws(sample: Sample, exclude: list[Overrides], made: list[Overrides], can_be_built: Any) -> list[Overrides]:
    """Draws that differ from each other and from what other generators have made."""
    source = random.Random(sample.seed)
    found: list[Overrides] = []
    for _ in range(TRIES * sample.n):
        drawn = {
            field: values.draw(source) if isinstance(values, Range) else source.choice(values)
            for field, values in sample.fields.items()
        }
        if (
            drawn in found
            or drawn in made
            or any(matches(drawn, excluded) for excluded in exclude)
            or not can_be_built(drawn)
        ):
            continue
        found.append(drawn)
        if len(found) == sample.n:
            return found
    raise SpecError(
        f"only {len(found)} of {sample.n} different arms that can be built in {TRIES * sample.n} draws; "
        "ask for fewer, or widen the ranges"
    )


def matches(overrides: Mapping[str, Any], excluded: Mapping[str, Any]) -> bool:
    """Whether generated overrides have every value that an entry of `exclude` names."""
    return bool(excluded) and all(field in overrides and overrides[field] == v for field, v in excluded.items())


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":")).replace('"', "")
