"""What a space may not have: knobs of no spec, values that no field takes, conditions on knobs that are not there."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from searchspace.bounds import shown
from searchspace.expand import SpecError, describe, field_at, nearest, place, set_field
from searchspace.knobs import Knob
from searchspace.spec import ModelSpec, model_spec, to_dict


class KnobError(SpecError):
    """A knob that does not work.

    Attributes:
        knob: its name.
    """

    def __init__(self, knob: str, message: str) -> None:
        super().__init__(f"knobs.{knob}: {message}", f"knobs.{knob}")
        self.knob = knob


def check_conditions(knobs: Mapping[str, Knob]) -> None:
    """Refuse conditions on what is no knob before it, or has no such value.

    Raises:
        KnobError: for the first.
    """
    before: dict[str, Knob] = {}
    for name, knob in knobs.items():
        for other, values in knob.when.items():
            if other in knobs and other not in before:
                raise KnobError(name, f"its `when` names {other}, which must be a knob before it: move {other} up")
            if other not in before:
                raise KnobError(name, f"its `when` names {other!r}, which is no knob{nearest(other, before)}")
            for value in values:
                if value not in before[other].labels():
                    known = [str(label) for label in before[other].labels()]
                    raise KnobError(name, f"{other} is never {shown(value)}{nearest(str(value), known)}")
        before[name] = knob


def check_values(knobs: Mapping[str, Knob], base: ModelSpec) -> None:
    """Refuse a field that there is not, and values that a field cannot have, whatever the others are.

    Each value is tried with the first values that the knob's condition allows. What fields must be together is no
    matter of a space: a point that breaks it makes no model.

    Raises:
        KnobError: for the first.
    """
    kinds = [name for name, knob in knobs.items() if _sets_kind(name, knob)]
    for name, knob in knobs.items():
        if knob.per is not None:
            _check_tied(name, knob, base, _context(knobs, name))
            continue
        changes = list(knob.changes(name).values())
        for fields in (changes[0], *changes[1:2], changes[-1]) if knob.is_range else changes:
            _try(name, base, _context(knobs, name), fields)
        for kind in kinds:
            if kind != name and kind not in knob.when:
                _check_kinds(name, changes[0], kind, knobs, base)


def number_at(data: Mapping[str, Any], path: str) -> int:
    """The whole number at a dotted path of a spec's plain data.

    Raises:
        SpecError: if there is none.
    """
    value = field_at(data, path)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SpecError(f"{path} is no whole number, got {shown(value)}", path)
    return value


def _sets_kind(name: str, knob: Knob) -> bool:
    """Whether it chooses a kind of tokenizer, and with it which fields there are."""
    return knob.per is None and any(
        field in ("tokenizer", "tokenizer.kind") for fields in knob.changes(name).values() for field in fields
    )


def _context(knobs: Mapping[str, Knob], name: str) -> dict[str, Any]:
    """What the first values that its condition allows set; they have conditions too."""
    made: dict[str, Any] = {}
    for other, values in knobs[name].when.items():
        made |= _context(knobs, other) | knobs[other].changes(other).get(values[0], {})
    return made


def _check_tied(name: str, knob: Knob, base: ModelSpec, context: Mapping[str, Any]) -> None:
    data = to_dict(base)
    try:
        for field, value in context.items():
            set_field(data, type(base), field, value)
        number_at(data, str(knob.per))
    except SpecError:
        known = sorted(path for path, value in _flat(to_dict(base)).items() if isinstance(value, int))
        raise KnobError(
            name, f"per is no field of whole numbers: {knob.per!r}{nearest(str(knob.per), known)}"
        ) from None
    _try(name, base, context, {knob.field or name: 1})


def _check_kinds(name: str, fields: Mapping[str, Any], kind: str, knobs: Mapping[str, Knob], base: ModelSpec) -> None:
    """Refuse a knob without a condition that some kind of tokenizer has not the field of."""
    changes = knobs[kind].changes(kind)
    works, refused = [], []
    for label, of_kind in changes.items():
        try:
            _try(name, base, _context(knobs, kind) | of_kind, fields)
            works.append(str(label))
        except KnobError:
            refused.append(str(label))
    if refused and works:
        text = f"there is no such field where {kind} is {' or '.join(refused)}"
        raise KnobError(name, f"{text}; add when: {{{kind}: [{', '.join(works)}]}}")


def _try(name: str, base: ModelSpec, context: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    data = to_dict(base)
    try:
        for field, value in {**context, **fields}.items():
            set_field(data, type(base), field, value)
    except SpecError as error:
        raise KnobError(name, str(error)) from None
    try:
        model_spec(data)
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(map(str, place(problem, data)))
            if any(f"{where}.".startswith(f"{field}.") for field in fields):
                hint = ""
                if problem["type"] == "extra_forbidden":
                    hint = f" of {_kind(data)}; if it is one of another kind, say so with `when`"
                text = describe(problem, data).removeprefix(f"{name}: ")
                raise KnobError(name, f"{text}{hint}") from None


def _kind(data: Mapping[str, Any]) -> str:
    return f"a tokenizer of kind {data['tokenizer'].get('kind')}" if "tokenizer" in data else "this model"


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in data.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
