"""Keeps checkpoints of a trial, beside its training where the device has a memory of its own."""

import threading
from typing import Any

from studies.store.checkpoints import save_checkpoint
from studies.store.store import Store


class Saver:
    """Writes the checkpoints of one trial, one at a time.

    Args:
        store: has the trial.
        trial_id: of the trial.
        beside: copy the state to this machine's memory, go on, and write the copy in a thread. Else the state is
            written where it lies before the training goes on: on a CPU a copy would be the whole state twice.
    """

    def __init__(self, store: Store, trial_id: str, beside: bool) -> None:
        self.store, self.trial_id, self.beside = store, trial_id, beside
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep a state; waits for the one before.

        Raises:
            StoreError: if it, or the one before, cannot be written.
        """
        self.wait()
        if not self.beside:
            save_checkpoint(self.store, self.trial_id, step, state)
            return
        self._thread = threading.Thread(target=self._write, args=(step, _copied(state)), name="checkpoint")
        self._thread.start()

    def wait(self) -> None:
        """Until all is written.

        Raises:
            StoreError: if it could not be.
        """
        if self._thread:
            self._thread.join()
            self._thread = None
        if self._error:
            error, self._error = self._error, None
            raise error

    def _write(self, step: int, state: dict[str, Any]) -> None:
        try:
            save_checkpoint(self.store, self.trial_id, step, state)
        except BaseException as error:
            self._error = error


def _copied(state: Any) -> Any:
    """Plain data with its tensors copied to the CPU; all else is copied as far as training changes it."""
    import torch

    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return type(state)((key, _copied(value)) for key, value in state.items())
    if isinstance(state, list | tuple):
        return type(state)(_copied(value) for value in state)
    return state
