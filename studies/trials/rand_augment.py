"""RandAugment in timm's words: `rand-m9-mstd0.5-inc1`. No torch here."""

import re
from dataclasses import dataclass
from math import inf

LARGEST = 10  # magnitude
KEYS = {
    "m": "magnitude, a whole number from 0 to 10",
    "n": "layers, a whole number from 1 to 16",
    "p": "chance of a layer, from 0 to 1",
    "mstd": "standard deviation of the magnitude, at least 0",
    "inc": "0 or 1: whether all operations grow with the magnitude",
}


@dataclass(frozen=True)
class RandAugment:
    """Operations that are drawn for each picture (arXiv 1909.13719), with timm's defaults.

    Attributes:
        m: magnitude, 0 to 10.
        n: layers: operations that a picture may get, one after the other.
        p: chance that a layer does anything.
        mstd: standard deviation of the magnitude of a picture; infinite: uniform from 0 to `m`.
        inc: whether a larger magnitude means a larger change for every operation.
    """

    m: int = LARGEST
    n: int = 2
    p: float = 0.5
    mstd: float = 0.0
    inc: bool = False


def rand_augment(text: str) -> RandAugment:
    """What a text says: `rand`, then key and number between hyphens, the last of a key counting.

    Raises:
        ValueError: for a text that is not of this form, or a number that cannot be.
    """
    head, *words = text.split("-")
    if head != "rand":
        raise ValueError(f"must begin with rand, as in rand-m9-mstd0.5-inc1, got {text!r}")
    found: dict[str, float] = {}
    for word in words:
        parts = re.fullmatch(r"([a-z]+)(\d+(?:\.\d*)?)", word)
        if parts is None or parts[1] not in KEYS:
            raise ValueError(f"{word!r} is no part of RandAugment; known: {', '.join(KEYS)}, each with its number")
        key, value = parts[1], float(parts[2])
        possible = {
            "m": value <= LARGEST and value.is_integer(),
            "n": 1 <= value <= 16 and value.is_integer(),
            "p": value <= 1,
            "mstd": True,
            "inc": value in (0, 1),
        }
        if not possible[key]:
            raise ValueError(f"{key} is the {KEYS[key]}, got {word}")
        found[key] = value
    mstd = found.get("mstd", 0.0)
    return RandAugment(
        m=int(found.get("m", LARGEST)),
        n=int(found.get("n", 2)),
        p=found.get("p", 0.5),
        mstd=inf if mstd > 100 else mstd,  # as timm reads it
        inc=bool(found.get("inc", 0)),
    )
