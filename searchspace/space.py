"""A space of models: a preset and the knobs that vary it, in YAML or in Python. No torch here.

    name: mine
    base: t2t_vit_14
    knobs:
      backbone.depth: {low: 4, high: 24}
      backbone.embed_dim: {low: 192, high: 768, step: 64}
      backbone.num_heads: {per: backbone.embed_dim, divide_by: [32, 64]}        # the width of a head
      tokenizer.kind: [t2t, patch]
      tokenizer.mixer: {values: [performer, transformer], when: {tokenizer.kind: t2t}}
      width of the MLP: {field: backbone.mlp_ratio, values: [2, 3, 4]}
      structure: {choices: {plain: {}, ghost: {backbone.attention: ghost, backbone.mlp: ghost}}}

A point gives each knob that is there one of its values. It need not make a model: heads may not divide the width, say.
What every model of the space has beside the preset stands under `fields`; with stages of layers there, each has knobs:

    fields: {backbone.stages: [{}, {}, {}]}     # thirds of the depth
    knobs: {backbone.stages.0.mlp_ratio: [1, 2, 4], backbone.stages.2.attention: [full, ghost]}
"""

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate, product
from math import prod
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from searchspace import space_checks
from searchspace.expand import SpecError, checked, from_validation, nearest, override, set_field
from searchspace.identity import hashed
from searchspace.knobs import Knob, Parameter, Value
from searchspace.presets import preset
from searchspace.spec import ModelSpec, Spec, to_dict

MOST_KNOBS = 64
MOST_WORLDS = 10_000
MOST_TRIES = 20_000
FOLDER = Path(__file__).with_name("spaces")

Point = dict[str, Any]
World = dict[str, tuple[Value, ...]]  # points that have the same knobs: the values that each of them may have


class Space(Spec):
    """A preset and its knobs."""

    name: str = Field(min_length=1, max_length=80, description="of the space")
    base: str = Field(description="preset that the knobs vary")
    fields: dict[str, Any] = Field({}, description="dotted fields of the preset that are others in every model")
    knobs: dict[str, Knob] = Field(min_length=1, max_length=MOST_KNOBS, description="by dotted field")

    @model_validator(mode="after")
    def _check(self) -> "Space":
        space_checks.check_conditions(self.knobs)
        space_checks.check_values(self.knobs, self.start)
        if len(self._worlds) >= MOST_WORLDS:
            raise ValueError("the conditions of the knobs make too many cases: let fewer knobs depend on others")
        return self

    @cached_property
    def start(self) -> ModelSpec:
        """The model that the knobs change: the preset with `fields`."""
        base = preset(self.base)
        try:
            return override(base, self.fields)
        except SpecError as error:
            raise SpecError(f"fields: {error}", "fields") from None

    def parameters(self) -> list[Parameter]:
        """The knobs in order, each after those that its condition names."""
        return list(self._parameters.values())

    def size(self) -> int:
        """Number of points; those that make no model are among them."""
        return self._totals[-1]

    def points(self) -> Iterator[Point]:
        """Every point, those that make no model too."""
        for world in self._worlds:
            for values in product(*world.values()):
                yield dict(zip(world, values, strict=True))

    def content(self) -> dict[str, Any]:
        """What makes the space what it is, as plain data to be hashed: the resolved base and the knobs, no name."""
        knobs = {}
        for parameter in self.parameters():
            knob = self.knobs[parameter.name]
            sets: Any = {"field": knob.field or parameter.name, "per": knob.per} if knob.per else {}
            sets = sets or {"changes": list(self._changes[parameter.name].values())}
            when = {name: list(values) for name, values in (parameter.when or {}).items()}
            knobs[parameter.name] = {"values": list(parameter.values), **sets, "when": when}
        fields = {"fields": self.fields} if self.fields else {}
        return {"base": hashed(preset(self.base)), **fields, "knobs": knobs}

    def active(self, values: Mapping[str, Any]) -> Point:
        """The point that values for all knobs make: those whose conditions hold.

        Raises:
            SpecError: if a knob that is there has no value.
        """
        point: Point = {}
        for name, parameter in self._parameters.items():
            if _holds(parameter, point):
                if name not in values:
                    raise SpecError(f"the point has no value for {name}", name)
                point[name] = values[name]
        return point

    def spec(self, point: Mapping[str, Any]) -> ModelSpec:
        """The model of a point, at full size.

        Raises:
            SpecError: if the point is none of this space, or no model can be made of it.
        """
        self._check_point(point)
        model, data = self.start, to_dict(self.start)
        for name, value in point.items():
            for field, wanted in self._changes[name].get(value, {}).items():
                set_field(data, type(model), field, wanted)
        for name, value in point.items():
            if (per := self.knobs[name].per) is not None:
                whole = space_checks.number_at(data, per)
                if whole % value:
                    raise SpecError(f"{name}: {per} is {whole}, which {value} does not divide", name)
                set_field(data, type(model), self.knobs[name].field or name, whole // value)
        return checked(data)

    def valid(self, point: Mapping[str, Any]) -> bool:
        """Whether it is a point of this space that makes a model."""
        try:
            self.spec(point)
        except SpecError:
            return False
        return True

    def sample(self, rng: random.Random) -> Point:
        """A point that makes a model, each with the same chance.

        Raises:
            SpecError: if none is found.
        """
        for _ in range(MOST_TRIES):
            point = self.draw(rng)
            if self.valid(point):
                return point
        raise SpecError(f"space {self.name}: none of {MOST_TRIES} random points makes a model, {self._why(rng)}")

    def draw(self, rng: random.Random) -> Point:
        """A point, each with the same chance; it need not make a model."""
        totals = self._totals
        world = self._worlds[bisect_right(totals, rng.randrange(totals[-1]))]
        return {name: rng.choice(values) for name, values in world.items()}

    def point_of(self, spec: ModelSpec) -> Point | None:
        """The point whose model equals this one; None if there is none."""
        return next(self._points_like(spec, {}, list(self._parameters)), None)

    def _points_like(self, spec: ModelSpec, point: Point, rest: list[str]) -> Iterator[Point]:
        """Points that begin as this one does and make the model, one value after the other."""
        if not rest:
            if _equal(self, point, spec):
                yield point
            return
        name, *rest = rest
        if not _holds(self._parameters[name], point):
            yield from self._points_like(spec, point, rest)
            return
        for value in self._parameters[name].values:
            if self._is_so(name, value, spec):
                yield from self._points_like(spec, point | {name: value}, rest)

    def _is_so(self, name: str, value: Any, spec: ModelSpec) -> bool:
        """Whether a knob at this value leaves a model as it is, but for what other knobs set within the same field."""
        knob = self.knobs[name]
        try:
            if knob.per is not None:
                data = to_dict(spec)
                field = knob.field or name
                return space_checks.number_at(data, field) * value == space_checks.number_at(data, knob.per)
            return override(spec, self._own(name, value)) == spec
        except SpecError:
            return False

    def _own(self, name: str, value: Any) -> dict[str, Any]:
        """What a knob sets at a value, without fields within which other knobs set something too."""
        others = [knob.field or other for other, knob in self.knobs.items()]
        changes = self._changes[name][value].items()
        return {field: to for field, to in changes if not any(one.startswith(f"{field}.") for one in others)}

    def _why(self, rng: random.Random) -> str:
        try:
            self.spec(self.draw(rng))
        except SpecError as error:
            return f"one because of {error}"
        return "though some do"

    def _check_point(self, point: Mapping[str, Any]) -> None:
        known = self._parameters
        if unknown := [name for name in point if name not in known]:
            raise SpecError(
                f"space {self.name} has no knob {unknown[0]!r}{nearest(str(unknown[0]), known)}", unknown[0]
            )
        there = self.active(point)
        if more := [name for name in point if name not in there]:
            when = ", ".join(f"{name} {_listed(values)}" for name, values in (known[more[0]].when or {}).items())
            raise SpecError(f"{more[0]} is a knob only with {when}; leave it out of the point", more[0])
        for name, value in point.items():
            if value not in known[name].values:
                raise SpecError(f"{name} has the values {_listed(known[name].values)}, got {value!r}", name)

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {name: Parameter(name, knob.labels(), knob.when or None) for name, knob in self.knobs.items()}

    @cached_property
    def _changes(self) -> dict[str, dict[Value, dict[str, Any]]]:
        return {name: knob.changes(name) for name, knob in self.knobs.items()}

    @cached_property
    def _worlds(self) -> list[World]:
        """Every case of the conditions; no more than `MOST_WORLDS`."""
        asked: dict[str, list[tuple[Value, ...]]] = {}
        for parameter in self._parameters.values():
            for name, values in (parameter.when or {}).items():
                asked.setdefault(name, []).append(values)
        found: list[World] = [{}]
        for name, parameter in self._parameters.items():
            # Values that the conditions do not tell apart are one case.
            cases: dict[tuple[bool, ...], list[Value]] = {}
            for value in parameter.values:
                cases.setdefault(tuple(value in values for values in asked.get(name, [])), []).append(value)
            found = [
                made
                for world in found
                for made in (
                    [world | {name: tuple(case)} for case in cases.values()]
                    if _holds(parameter, {other: values[0] for other, values in world.items()})
                    else [world]
                )
            ][:MOST_WORLDS]
        return found

    @cached_property
    def _totals(self) -> list[int]:
        return list(accumulate(prod(map(len, world.values())) for world in self._worlds))


def space_of(data: Mapping[str, Any]) -> Space:
    """Plain data, of a YAML file say, as a space.

    Raises:
        SpecError: in one line, what is wrong with it.
    """
    try:
        return Space.model_validate(data)
    except ValidationError as error:
        raise from_validation(error, data) from None


def space_names() -> list[str]:
    """All spaces that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def named_space(name: str) -> Space:
    """A space that ships.

    Raises:
        SpecError: if there is none of that name (with the nearest names).
    """
    if name not in space_names():
        raise SpecError(f"unknown space {name!r}{nearest(str(name), space_names())}")
    return space_of(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))


def _holds(parameter: Parameter, point: Mapping[str, Any]) -> bool:
    """Whether a knob is there in a point that has all knobs before it."""
    return all(name in point and point[name] in values for name, values in (parameter.when or {}).items())


def _equal(space: Space, point: Point, spec: ModelSpec) -> bool:
    try:
        return space.spec(point) == spec
    except SpecError:
        return False


def _listed(values: tuple[Value, ...]) -> str:
    texts = [str(value) for value in values]
    return ", ".join(texts if len(texts) <= 12 else [*texts[:10], "...", texts[-1]])
