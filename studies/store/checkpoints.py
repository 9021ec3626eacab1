"""Checkpoints of trials that are being trained: the last one, named by its step and the digest of its content."""

import io
from pickle import UnpicklingError
from typing import Any

from studies.store.records import is_checkpoint
from studies.store.store import Store
from studies.trials.identity import digest, shortened
from studies.trials.shortage import is_memory_short


def save_checkpoint(store: Store, trial_id: str, step: int, state: dict[str, Any]) -> None:
    """Keep a trainer's state after a step, in place of the last one; it is hashed while it is written."""
    import torch

    folder = f"trials/{trial_id}"
    kept = store.files.write_hashed(
        folder, lambda file: torch.save(state, file), lambda sha256: f"checkpoint-{step}-{shortened(sha256)}.pt"
    )
    for name in store.files.names(f"trials/{trial_id}"):
        if name.startswith("checkpoint-") and name != kept:
            store.files.remove(f"trials/{trial_id}/{name}")


def load_checkpoint(store: Store, trial_id: str, step: int | None = None) -> dict[str, Any] | None:
    """The last state kept, or that of a step; None if there is none.

    What is torn or changed, or what this version of torch cannot read, is put aside and passed over.

    Raises:
        RuntimeError: if memory is too short for it: the checkpoint is good, and stays.
    """
    for name in _newest_first(store, trial_id):
        if step is not None and _step(name) != step:
            continue
        content = store.files.read(f"trials/{trial_id}/{name}")
        if content is not None and name.endswith(f"-{digest(content)}.pt"):
            import torch

            try:
                return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            except (RuntimeError, ValueError, EOFError, UnpicklingError) as error:
                if is_memory_short(error):
                    raise
        store.put_aside(trial_id, name)
    return None


def put_last_aside(store: Store, trial_id: str) -> None:
    """Keep the last checkpoint for people only: what reads it cannot use it."""
    for name in _newest_first(store, trial_id)[:1]:
        store.put_aside(trial_id, name)


def _newest_first(store: Store, trial_id: str) -> list[str]:
    names = [name for name in store.files.names(f"trials/{trial_id}") if is_checkpoint(name)]
    return sorted(names, key=_step, reverse=True)


def _step(name: str) -> int:
    return int(name.split("-")[1])
