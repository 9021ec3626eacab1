"""What beats while a trial is trained: its lease is renewed, a wish to stop is heard, a trial that hangs is ended."""

import faulthandler
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

from studies.store.files import Files, StoreError
from studies.store.leases import RENEW_SECONDS, Lease

HUNG = 1  # exit status of a process that ended itself because its trial hung
STDERR = 2  # the process's own: what stands for `sys.stderr`, in a notebook say, need not be a file


def ask_to_stop(files: Files, run: str) -> None:
    """Ask every trial that a run trains, wherever it is, to finish its step, save and leave."""
    files.write(f"stops/{run}", b"")


def take_back_stop(files: Files, run: str) -> None:
    """Remove what `ask_to_stop` left."""
    files.remove(f"stops/{run}")


class Heart(threading.Thread):
    """A thread beside the training of one trial.

    Attributes:
        stopping: set when the trial is to finish its step, save and leave.
        lost: set when another run has taken the trial over.
    """

    def __init__(
        self, lease: Lease, stopping: threading.Event, step_timeout: float, on_hang: Callable[[str, str], None]
    ) -> None:
        super().__init__(name=f"heart of {lease.trial_id}", daemon=True)
        self.lease, self.stopping, self.step_timeout, self.on_hang = lease, stopping, step_timeout, on_hang
        self.lost = threading.Event()
        self.ended = threading.Event()
        self.trainer_thread = threading.get_ident()
        self.ticked = float("inf")  # the training has not begun

    def tick(self) -> None:
        """The training goes on."""
        self.ticked = time.monotonic()

    def suspend(self) -> None:
        """The training waits for its caller, or saves: until the next tick no time counts as hanging."""
        self.ticked = float("inf")

    def __enter__(self) -> "Heart":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()

    def run(self) -> None:
        """Beat until the training has ended."""
        try:
            self._beat()
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _beat(self) -> None:
        files, renewed = self.lease.files, time.monotonic()
        wait = files.look_seconds
        while not self.ended.wait(wait):
            # Code that holds the interpreter's lock stops this thread too: then the process ends by this timer.
            faulthandler.dump_traceback_later(max(2 * self.step_timeout, 10.0), exit=True, file=STDERR)
            now = time.monotonic()
            if now - self.ticked > self.step_timeout:
                self._end_hanging_trial()
            try:
                if not self.stopping.is_set() and files.exists(f"stops/{self.lease.holder.run}"):
                    self.stopping.set()
                if now - renewed > RENEW_SECONDS:
                    if not self.lease.held():
                        self.lost.set()
                        return
                    self.lease.renew()
                    renewed = now
            except StoreError:
                continue  # the training itself will meet it, and say so

    def _end_hanging_trial(self) -> None:
        """A thread cannot be ended from outside, so the process is."""
        frame = sys._current_frames().get(self.trainer_thread)
        where = "".join(traceback.format_stack(frame)) if frame else ""
        try:
            self.on_hang(f"hung: no step for {self.step_timeout:g} s (--step-timeout)", where)
        finally:
            os._exit(HUNG)
