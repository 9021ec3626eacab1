"""What people see while costs are counted: on a terminal how far it is; elsewhere one line, once it takes long."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 2.0  # seconds of counting in this process before a plain line says so
CLEAR_LINE = "\r\x1b[K"

_spent = 0.0
_told = False


def told(items: Sequence[T], doing: str, noun: str, kept: Path) -> Iterator[T]:
    """The items, while stderr says what is done with them.

    A command that counts many times a little, as a walk through a space does, says so once.

    Args:
        items: that are done one after the other.
        doing: `counting the cost of`.
        noun: of an item.
        kept: file that remembers the answers.
    """
    global _spent, _told
    on_terminal = sys.stderr.isatty()
    try:
        for i, item in enumerate(items):
            if on_terminal:
                print(f"{CLEAR_LINE}{doing} {noun} {i + 1} of {len(items)} ...", end="", file=sys.stderr, flush=True)
            elif _spent > PATIENCE and not _told:
                _told = True
                many = noun if len(items) == 1 else f"{noun}s"
                print(f"{doing} {len(items)} {many}, once: remembered in {kept}", file=sys.stderr, flush=True)
            start = time.monotonic()
            yield item
            _spent += time.monotonic() - start
    finally:
        if items and on_terminal:
            print(CLEAR_LINE, end="", file=sys.stderr, flush=True)
