"""Why a trial cannot go on. No torch here."""

from math import isfinite
from typing import SupportsFloat


class TrainingError(RuntimeError):
    """A trial that cannot go on: its loss is not a number, say."""


class MemoryShortError(RuntimeError):
    """One of several processes has too little memory for its micro-batch; all must begin again with a smaller one."""


def require_finite(what: str, value: SupportsFloat, place: str) -> None:
    """Refuse to go on from a number that is not finite.

    Raises:
        TrainingError: with what it is and where the training was.
    """
    if not isfinite(number := float(value)):
        raise TrainingError(f"the {what} is {number} {place}: try a lower lr")
