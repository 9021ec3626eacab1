"""Ctrl-C once: finish the step, save, leave. Twice: leave at once. SIGTERM counts as Ctrl-C.

A signal handler runs between any two instructions, also while a line is being printed or a lock is held. So it does
nothing but count, wake a thread that says what happens, and leave.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 130
FIRST = "stopping: trials finish their step and save; once more to leave at once"
SECOND = b"\nstudies: left at once; the same command goes on from the last checkpoint\n"
SHOW_CURSOR = b"\x1b[?25h"  # the progress display hides it


@contextmanager
def interruptible(show: Callable[[str], None]) -> Iterator[threading.Event]:
    """Give an event that the first signal sets; the second ends the process.

    Outside the main thread signals cannot be caught, and the event is set by nobody.

    Args:
        show: shows a line to the user; called from a thread.
    """
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    caught: list[int] = []
    woken: queue.SimpleQueue[bool] = queue.SimpleQueue()  # its `put` may be called from a signal handler

    def handle(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) == 1:
            woken.put(True)
            return
        os.write(2, (SHOW_CURSOR if terminal else b"") + SECOND)
        os._exit(EXIT_STATUS)

    def wait() -> None:
        if woken.get():
            stopping.set()
            show(FIRST)

    terminal = sys.stderr.isatty()
    thread = threading.Thread(target=wait, name="signals", daemon=True)
    thread.start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        woken.put(False)
        thread.join()
