"""Digests: of plain data as canonical JSON, and of bytes."""

import hashlib
import json
from typing import Any


def canonical(content: Any) -> bytes:
    """Plain data as JSON that is the same for equal data: sorted keys, no white space.

    Raises:
        ValueError: if a number in it is NaN or infinite.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(content: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256."""
    return shortened(hashlib.sha256(content).hexdigest())


def shortened(sha256: str) -> str:
    """What of a SHA-256 in hexadecimal stands in names."""
    return sha256[:16]
