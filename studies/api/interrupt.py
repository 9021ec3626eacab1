"""Ctrl-C once: finish the step, save, leave. Twice: leave at once. SIGTERM counts as Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 130


@contextmanager
def interruptible(
    show: Callable[[str], None], give_back: Callable[[], None] = lambda: None
) -> Iterator[threading.Event]:
    """Give an event that the first signal sets; the second ends the process.

    Outside the main thread signals cannot be caught, and the event is set by nobody.

    Args:
        show: shows a line to the user; called from the signal handler.
        give_back: called before the process ends at once, to give the terminal back.
    """
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            give_back()
            show("left at once; the same command goes on from the last checkpoint")
            os._exit(EXIT_STATUS)
        stopping.set()
        show("stopping: trials finish their step and save; once more to leave at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
