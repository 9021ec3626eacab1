"""Records of the store: JSON that holds a digest of itself, so that what a disk or a hand has changed is known; and
the names of their states. Light, for the command line."""

import json
import re
from typing import Any

from studies.trials.identity import canonical, digest

STATES = ("planned", "running", "done", "failed", "pruned", "damaged")  # of a trial
STATUSES = (*STATES, "newer")  # and of one that a newer version of this package wrote down


def dump(content: dict[str, Any]) -> bytes:
    """A record as it stands in its file.

    Raises:
        ValueError: if a number in it is NaN or infinite.
    """
    return json.dumps(content | {"sha256": digest_of(content)}, indent=1, allow_nan=False).encode()


def parse(raw: bytes) -> dict[str, Any]:
    """The content of a record, without its digest.

    Raises:
        ValueError: if it is torn, no record, or not what was written; the message says which.
    """
    return parse_with_digest(raw)[0]


def parse_with_digest(raw: bytes) -> tuple[dict[str, Any], str]:
    """As `parse`, and the digest."""
    try:
        content = json.loads(raw)
        expected = content.pop("sha256")
        found = digest_of(content)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("torn, or not a record") from None
    if found != expected:
        raise ValueError("its content is not what was written")
    return content, found


def digest_of(content: dict[str, Any]) -> str:
    """The digest of a record's canonical JSON."""
    return digest(canonical(content))


def is_checkpoint(name: str) -> bool:
    """Whether a file is a checkpoint, by its name: the step, and the digest of its content."""
    return re.fullmatch(r"checkpoint-\d+-[0-9a-f]+\.pt", name) is not None
