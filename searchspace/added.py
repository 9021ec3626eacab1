"""The mark of fields that came after the first version, so that ids outlive them (see `searchspace.identity`)."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Added:
    """Mark of a field that was added after the first version: `depth: Annotated[int, Added("0.2.0", 1)] = 1`.

    Such a field is hashed only where it differs from that default (see `searchspace.identity`).

    Attributes:
        version: of this package that added the field.
        default: that it was added with, as plain data; frozen for ever.
    """

    version: str
    default: Any
