"""Train a trial of a store: take it, resume, train, save, keep the result or the reason."""

import platform
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from studies.engine.events import LeaseLostError, StoppedError, TrialFailedError
from studies.engine.heart import Heart
from studies.store.checkpoints import load_checkpoint, put_last_aside, save_checkpoint
from studies.store.files import StoreError
from studies.store.leases import Lease, acquire
from studies.store.store import Store
from studies.training.data.access import DataAccess
from studies.training.devices import default_device, device_name, peak_memory_mb, prepare_device, reset_peak_memory
from studies.trials.results import EpochRecord, Result
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    from studies.training.trainer import Trainer


@dataclass(frozen=True)
class Options:
    """How a run trains its trials; none of it changes a result.

    Attributes:
        run: name of the run, its own each time.
        checkpoint_every: seconds of training between checkpoints within an epoch; one more after each epoch.
        step_timeout: seconds without a step after which a trial is taken to hang.
        data_root: folder of data sets; none: what the worker's own environment names.
        data_workers: processes beside each trial that read pictures; 0: none.
    """

    run: str
    checkpoint_every: float = 60.0
    step_timeout: float = 600.0
    data_root: str | None = None
    data_workers: int = 0


def train(
    store: Store, trial_id: str, options: Options, stopping: threading.Event | None = None, dead_lease: str = ""
) -> Iterator[EpochRecord]:
    """Train a trial of the store from where it stands, yielding a record an epoch.

    The result, or the reason of a failure, is in the store before this ends.

    Args:
        store: has the trial.
        trial_id: of a trial that the store knows.
        options: of the run.
        stopping: to be set when the trial is to finish its step, save and leave.
        dead_lease: token of a lease on it that was found dead (see `studies.store.leases.acquire`).

    Raises:
        LeaseLostError: if another run trains it, or has taken it over.
        StoppedError: if it was asked to stop.
        TrialFailedError: if this run has tried it and it failed.
        StoreError: if the store cannot be written: the trial is not to blame and stays as it is.
        Exception: whatever the training raises; the trial is marked as failed.
    """
    lease = acquire(store.files, trial_id, options.run, dead_lease)
    if lease is None:
        raise LeaseLostError
    try:
        store.sweep(trial_id)
        if store.done(trial_id, weights=True):
            return
        failure = store.failure(trial_id)
        if failure and failure.get("run") == options.run:
            raise TrialFailedError(failure["reason"])
        try:
            yield from _train(store, lease, options, stopping or threading.Event())
        except (LeaseLostError, StoppedError, StoreError):
            raise
        except Exception as error:
            store.fail(trial_id, reason(error), traceback.format_exc(), options.run)
            raise
    finally:
        lease.release()


def _train(store: Store, lease: Lease, options: Options, stopping: threading.Event) -> Iterator[EpochRecord]:
    import torch

    trial_id = lease.trial_id

    def on_hang(why: str, where: str) -> None:
        store.fail(trial_id, why, where, options.run)
        lease.release()
        print(f"studies: trial {trial_id} {why}; the process that trains it ends", file=sys.stderr, flush=True)

    with Heart(lease, stopping, options.step_timeout, on_hang) as heart:
        trial = store.trial(trial_id)
        device = default_device()
        prepare_device(device)
        reset_peak_memory(torch.device(device))
        trainer = _begun(store, trial, device, DataAccess(options.data_root, options.data_workers))
        trainer.tick = heart.tick
        saved = time.monotonic()

        def pause() -> bool:
            """After each step: whether to save, and perhaps leave, within the epoch."""
            due = time.monotonic() - saved > options.checkpoint_every
            return due or stopping.is_set() or heart.lost.is_set()

        try:
            while not trainer.done:
                heart.tick()
                record = trainer.train_epoch(pause)
                heart.suspend()  # to save takes as long as it takes
                if heart.lost.is_set() or not lease.held():
                    raise LeaseLostError
                if trainer.done:
                    store.finish(trial_id, result(trial, trainer), trainer.weights())
                else:
                    save_checkpoint(store, trial_id, trainer.step, trainer.state_dict())
                saved = time.monotonic()
                if record is not None:
                    yield record
                if stopping.is_set() and not trainer.done:
                    raise StoppedError
        finally:
            trainer.source.close()


def _begun(store: Store, trial: TrialSpec, device: str, access: DataAccess) -> "Trainer":
    """A trainer that goes on from the last checkpoint; one that cannot be loaded is put aside, for the one before."""
    from studies.training.parents import Parents
    from studies.training.trainer import Trainer

    parents = Parents(store.parent, store.weights_file)
    trainer = Trainer(trial, device, parents, access)
    while (state := load_checkpoint(store, trial.id)) is not None:
        try:
            trainer.load_state_dict(state)
            break
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):  # of a trainer of another version, say
            put_last_aside(store, trial.id)
            trainer = Trainer(trial, device, parents, access)  # what was loaded before the error must not stay
    return trainer


def reason(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def result(trial: TrialSpec, trainer: Any) -> Result:
    """What the store keeps of a trial that is trained."""
    from searchspace.cost.remembered import costs

    last = trainer.history[-1]
    cost = costs([trial.model])[0]
    return {
        "top1": last["top1"],
        "top5": last["top5"],
        "loss": last["loss"],
        "train_loss": last["train_loss"],
        "params": cost["params"],
        "trainable": cost["trainable"],
        "macs": cost["macs"],
        "activations": cost["activations"],
        "pretrained_share": trainer.pretrained_share,
        "seconds": sum(record["seconds"] for record in trainer.history),
        "images_per_second": last["images_per_second"],
        "peak_memory_mb": peak_memory_mb(trainer.device),
        "device": device_name(trainer.device.type),
        "host": socket.gethostname(),
        "data_fingerprint": trainer.source.fingerprint,
        "corrupt_pictures": trainer.source.corrupt,
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("t2t-studies", "torch", "timm")},
        "history": trainer.history,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
