"""What a space varies: each knob sets fields of a spec by their dotted names, to one of a finite number of values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from searchspace.bounds import Width, Within, shown
from searchspace.spec import Spec

MOST_VALUES = 1000  # of a knob
DIGITS = 9  # of a value of a range, so that 0.1 + 0.2 is 0.3

Value = str | int | float | bool | None
Bound = Annotated[float | None, Within(-1_000_000, 1_000_000)]
KINDS = "a list of values, {low, high, step}, {per, divide_by} or {choices}"


@dataclass(frozen=True)
class Parameter:
    """A knob as a sampler sees it.

    Attributes:
        name: of the knob.
        values: that it can have, each a plain scalar. A value that is a list or a mapping stands here as its JSON.
        when: the condition: names of knobs before it, and the values of each with which this knob is there. None: it
            is there in every point.
    """

    name: str
    values: tuple[Value, ...]
    when: Mapping[str, tuple[Value, ...]] | None = None

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers that ascend, so that neighbours are alike."""
        numbers = [v for v in self.values if isinstance(v, (int, float)) and not isinstance(v, bool)]
        return len(numbers) == len(self.values) and numbers == sorted(numbers)


class Knob(Spec):
    """One of four kinds; a bare list is short for `values`.

    A number over another field, `{per: backbone.embed_dim, divide_by: [32, 64]}`, has the divisors for its values: as
    `backbone.num_heads` it is a choice of the width of a head. A value with which the division leaves a rest makes no
    model.
    """

    values: tuple[Any, ...] | None = Field(None, description="values of the field")
    low: Bound = Field(None, description="smallest value of a range")
    high: Bound = Field(None, description="largest value of a range")
    step: Annotated[float, Within(0, 1_000_000, above=True)] = Field(1, description="between two values of a range")
    per: str | None = Field(None, description="dotted field that is divided")
    divide_by: tuple[Width, ...] | None = Field(None, description="what it is divided by")
    choices: dict[str, dict[str, Any]] | None = Field(None, description="names, and the fields that each sets")
    field: str | None = Field(None, description="dotted field that is set; default: the knob's name")
    when: dict[str, tuple[Any, ...]] = Field({}, description="knobs before it, and the values with which it is there")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"values": data} if isinstance(data, (list, tuple)) else data

    @field_validator("divide_by", mode="before")
    @classmethod
    def _one_divisor(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) else value

    @field_validator("when", mode="before")
    @classmethod
    def _one_value(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: given if isinstance(given, (list, tuple)) else (given,) for name, given in value.items()}

    @model_validator(mode="after")
    def _check(self) -> "Knob":
        given = {
            "values": self.values is not None,
            "low and high": self.low is not None or self.high is not None,
            "per and divide_by": self.per is not None or self.divide_by is not None,
            "choices": self.choices is not None,
        }
        kinds = [kind for kind, is_given in given.items() if is_given]
        if len(kinds) != 1:
            raise ValueError(f"a knob is {KINDS}, got {' with '.join(kinds) or 'none of them'}")
        if kinds[0] == "low and high":
            self._check_range()
        if kinds[0] == "per and divide_by" and (self.per is None or not self.divide_by):
            raise ValueError("per and divide_by belong together, for example {per: backbone.embed_dim, divide_by: 64}")
        if kinds[0] == "choices" and self.field is not None:
            raise ValueError("each of the choices names the fields that it sets: leave `field` out")
        labels = self.labels()
        if not labels:
            raise ValueError("a knob has at least one value, got none")
        if len(labels) > MOST_VALUES:
            raise ValueError(f"a knob has at most {MOST_VALUES} values, got {len(labels)}")
        for i, label in enumerate(labels):
            if label in labels[:i]:
                raise ValueError(f"each value stands once, got {shown(label)} twice")
        return self

    def _check_range(self) -> None:
        if self.low is None or self.high is None:
            raise ValueError("a range has low and high; step is 1 if it is left out")
        if self.low > self.high:
            raise ValueError(f"low must be at most high, got low {self.low:g} and high {self.high:g}")
        if (self.high - self.low) / self.step >= MOST_VALUES:
            raise ValueError(f"a knob has at most {MOST_VALUES} values: raise step, got {self.step:g}")

    def labels(self) -> tuple[Value, ...]:
        """The values as a point has them: scalars as they are, lists and mappings as JSON."""
        if self.choices is not None:
            return tuple(self.choices)
        if self.divide_by is not None:
            return self.divide_by
        return tuple(_label(value) for value in self.plain_values())

    def plain_values(self) -> tuple[Any, ...]:
        """The values of a list or a range, as they are written to the field."""
        if self.values is not None:
            return self.values
        if self.low is None or self.high is None:
            return ()
        count = int(round((self.high - self.low) / self.step, DIGITS)) + 1
        return tuple(_number(self.low + i * self.step) for i in range(count))

    def changes(self, name: str) -> dict[Value, dict[str, Any]]:
        """What each value sets, by dotted field; of a number over another field nothing, as that depends on both."""
        if self.choices is not None:
            return {label: dict(fields) for label, fields in self.choices.items()}
        return {_label(value): {self.field or name: value} for value in self.plain_values()}

    @property
    def is_range(self) -> bool:
        """Whether it is a range."""
        return self.low is not None


def _number(value: float) -> int | float:
    rounded = round(value, DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def _label(value: Any) -> Value:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise ValueError(f"values are plain data, got {shown(value)}") from None
