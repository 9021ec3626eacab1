"""Ctrl-C once: finish the step, save, leave. Twice: leave at once. SIGTERM counts as Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 130


@contextmanager
def interruptible(said: Callable[[str], None]) -> Iterator[threading.Event]:
    """Give an event that the first signal sets; the second ends the process.

    Args:
        said: shows a line to the user; called from the signal handler.
    """
    stopping = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            said("left at once; the same command goes on from the last checkpoint")
            os._exit(EXIT_STATUS)
        stopping.set()
        said("stopping: trials finish their step and save; once more to leave at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
