"""Bounds of numbers, declared once: what a field of a spec may be, and the one form in which another is refused.

`depth: Annotated[int, Within(1, 1000)]` takes whole numbers from 1 to 1000 and nothing else, no booleans either. A
bound is a constraint, no part of a spec's content: it changes no id. The names below are the ranges that several fields
share: wide enough for what anybody trains, narrow enough that nothing absurd is computed with, let alone allocated.
What fields make together is bounded in `searchspace.size`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, WrapValidator

LARGEST_SIDE = 8192  # of a picture, in pixels
LARGEST_SEED = 2**63 - 1
LONGEST = 80  # characters of a value in an error


@dataclass(frozen=True)
class Within:
    """Bounds of a number. On an `int` it takes whole numbers only; None passes, where the type takes it.

    Attributes:
        low: the smallest.
        high: the largest.
        above: whether `low` itself is refused.
        below: whether `high` itself is.
        hint: what else would work, for errors.
    """

    low: float
    high: float
    above: bool = False
    below: bool = False
    hint: str = ""

    def says(self, whole: bool) -> str:
        """What would work, in words."""
        low = f"{'above' if self.above else 'from'} {self._text(self.low)}"
        joint = ("and below" if self.below else "and up to") if self.above else ("to below" if self.below else "to")
        return f"a {'whole ' if whole else ''}number {low} {joint} {self._text(self.high)}{self.hint}"

    def check(self, value: Any, whole: bool, convert: Callable[[Any], Any] | None = None) -> Any:
        """The value as a number within the bounds.

        Args:
            value: what was given: a number, or text that is one.
            whole: whether only whole numbers are.
            convert: makes a number of it, or raises a ValueError; default: as Python does.

        Raises:
            ValueError: which says what would work and what was given.
        """
        try:
            number = None if isinstance(value, bool) else (convert or (_whole if whole else float))(value)
        except (ValueError, TypeError, OverflowError):
            number = None
        if number is not None:
            low = number > self.low if self.above else number >= self.low
            high = number < self.high if self.below else number <= self.high
            if low and high:  # which NaN is not
                return number
        raise ValueError(f"{self.says(whole)}, got {shown(value)}")

    @staticmethod
    def _text(number: float) -> str:
        return str(number) if isinstance(number, int) else f"{number:g}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        kinds = {source, *get_args(source)}
        whole = int in kinds and float not in kinds

        def check(value: Any, inner: Callable[[Any], Any]) -> Any:
            return None if value is None and NoneType in kinds else self.check(value, whole, inner)

        return WrapValidator(check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> Any:
        made = handler(core_schema)
        bounds = {
            "exclusiveMinimum" if self.above else "minimum": self.low,
            "exclusiveMaximum" if self.below else "maximum": self.high,
        }
        for part in made.get("anyOf", [made]):
            if part.get("type") in ("integer", "number"):
                part |= bounds
        return made


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, str) else index(value)  # where `int` would cut a fraction off


def shown(value: Any) -> str:
    """A value as an error gives it: short, whatever it is."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return f"a whole number of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def check_numbers(value: Any, names: str = "") -> None:
    """Refuse numbers in plain data of any shape that nothing could be made with: not finite, or beyond a million.

    Raises:
        ValueError: with the name of the value.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            check_numbers(inner, f"{names}.{name}" if names else str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            check_numbers(inner, names)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            Within(-1_000_000, 1_000_000).check(value, isinstance(value, int))
        except ValueError as error:
            raise ValueError(f"{names}: {error}") from None


Pixels = Annotated[int, Within(1, LARGEST_SIDE)]
Width = Annotated[int, Within(1, 16_384)]
Layers = Annotated[int, Within(1, 1000)]
Heads = Annotated[int, Within(1, 1024)]
Pictures = Annotated[int, Within(1, 1_000_000_000)]
Seed = Annotated[int, Within(0, LARGEST_SEED)]
Share = Annotated[float, Within(0, 1)]
ShareBelow1 = Annotated[float, Within(0, 1, below=True)]
ShareAbove0 = Annotated[float, Within(0, 1, above=True)]
