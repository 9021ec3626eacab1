"""Ctrl-C."""

import signal
import subprocess
import sys
import threading

from studies.api.interrupt import interruptible

TWICE = """
import signal, time
from studies.api.interrupt import interruptible
with interruptible(lambda text: time.sleep(60)) as stopping:
    signal.raise_signal(signal.SIGINT)
    assert stopping.wait(10)
    signal.raise_signal(signal.SIGTERM)
"""


def test_the_first_signal_is_shown_by_a_thread_not_by_the_handler() -> None:
    said, shown = [], threading.Event()

    def show(text: str) -> None:
        said.append((threading.current_thread() is threading.main_thread(), text))
        shown.set()

    before = signal.getsignal(signal.SIGINT)
    with interruptible(show) as stopping:
        assert not stopping.is_set()
        signal.raise_signal(signal.SIGINT)
        assert shown.wait(10) and stopping.is_set()
    assert said == [(False, "stopping: trials finish their step and save; once more to leave at once")]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_signal_leaves_even_while_the_first_is_shown() -> None:
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130
    assert done.stderr.strip() == "studies: left at once; the same command goes on from the last checkpoint"


def test_without_a_signal_nothing_is_shown_and_no_thread_is_left() -> None:
    count = threading.active_count()
    with interruptible(lambda text: None) as stopping:
        pass
    assert not stopping.is_set()
    assert threading.active_count() == count


def test_in_another_thread_signals_stay_as_they_are() -> None:
    found = []

    def run() -> None:
        with interruptible(lambda text: None):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
