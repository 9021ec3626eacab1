"""Amounts as people write them: 2G, 10M, 500k."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from searchspace.bounds import Within, shown

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
LARGEST_AMOUNT = 10**18
PATTERN = r"(\d{1,18}(?:\.\d{1,9})?)([kKmMgG]?)"


def amount(text: str) -> int:
    """A count, which may end in k, M or G: 2G, 10M, 1.5M, 500k, 1000000.

    Raises:
        ValueError: if it is none.
    """
    found = re.fullmatch(PATTERN, text, re.ASCII)
    value = Decimal(found[1]) * UNITS[found[2].lower()] if found else Decimal(0)
    if not 1 <= value <= LARGEST_AMOUNT or value != int(value):
        raise ValueError(f"a whole number of at least 1, which may end in k, M or G (2G, 10M), got {shown(text)}")
    return int(value)


def _read(value: Any) -> Any:
    return amount(value) if isinstance(value, str) else value


Amount = Annotated[
    int | None,
    Within(1, LARGEST_AMOUNT),
    BeforeValidator(_read),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{PATTERN}$"}]}),
]
