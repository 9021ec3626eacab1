"""Types of arguments: each takes the text that was given, or says in one line what would work."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from searchspace.bounds import Within
from studies.language import amounts
from studies.trials.seeds import numbered


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number, both ends included."""
    return lambda text: _checked(Within(low, high), text, whole=True)


def number(low: float, high: float, above: bool = True) -> Callable[[str], float]:
    """A number up to `high`; with `above`, `low` itself is refused."""
    return lambda text: _checked(Within(low, high, above=above), text, whole=False)


def cores(text: str) -> float:
    """Whole cores, or a share of one."""
    value = _checked(Within(0, 1024, above=True), text, whole=False)
    if value > 1 and value != int(value):
        raise ArgumentTypeError(f"whole cores, or a share of one above 0, got {text!r}")
    return value


def devices(text: str) -> float:
    """Whole devices, or a share of one."""
    value = _checked(Within(0, 4096, above=True), text, whole=False)
    if value > 1 and value != int(value):
        raise ArgumentTypeError(f"whole devices (8), or a share of one above 0 (0.25), got {text!r}")
    return value


def amount(text: str) -> int:
    """A count, which may end in k, M or G: 2G, 10M, 1.5M, 500k, 1000000."""
    try:
        return amounts.amount(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def seeds(text: str) -> tuple[int, ...]:
    """Seeds: a number of them, or a list."""
    parts = text.removesuffix(",").split(",")
    try:
        return numbered(parts if "," in text else text, text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error}; for example 3, or 0,1,2") from None


def named(text: str) -> str:
    """A name, a path or an address."""
    if not text.strip() or "\0" in text:
        raise ArgumentTypeError(f"text that is not empty, got {text!r}")
    return text


def _checked(bounds: Within, text: str, whole: bool) -> Any:
    try:
        return bounds.check(text, whole)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
