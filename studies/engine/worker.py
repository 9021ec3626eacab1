"""Train a trial of a store: take it, resume, train, save, keep the result or the reason."""

import platform
import socket
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from studies.engine.endings import Endings
from studies.engine.events import LeaseLostError, StoppedError, TrialFailedError, reason
from studies.engine.heart import Heart
from studies.engine.options import Options
from studies.engine.saver import Saver
from studies.engine.team import Launch, Subprocesses, Team
from studies.store.checkpoints import load_checkpoint, put_last_aside
from studies.store.files import StoreError
from studies.store.leases import Lease, acquire
from studies.store.lessons import kept_micro_batch
from studies.store.store import Store
from studies.training.data.access import DataAccess
from studies.training.devices import (
    default_device,
    device_name,
    peak_memory_mb,
    prepare_device,
    reset_peak_memory,
)
from studies.training.execution import Execution
from studies.training.ranks import Ranks
from studies.trials.results import PACKAGES, EpochRecord, Result
from studies.trials.shortage import is_memory_short
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    from studies.training.trainer import Trainer


def train(
    store: Store,
    trial_id: str,
    options: Options,
    stopping: threading.Event | None = None,
    dead_lease: str = "",
    launch: Launch | None = None,
) -> Generator[EpochRecord, None, None]:
    """Train a trial of the store from where it stands, yielding a record an epoch.

    The result, or the reason of a failure, is in the store before this ends.

    Args:
        store: has the trial.
        trial_id: of a trial that the store knows.
        options: of the run.
        stopping: to be set when the trial is to finish its step, save and leave.
        dead_lease: token of a lease on it that was found dead (see `studies.store.leases.acquire`).
        launch: starts the other processes of a trial on several devices; default: on this machine.

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
            yield from _train(store, lease, options, stopping or threading.Event(), launch or Subprocesses())
        except (LeaseLostError, StoppedError, StoreError):
            raise
        except Exception as error:
            store.fail(trial_id, reason(error), traceback.format_exc(), options.run)
            raise
    finally:
        lease.release()


def _train(
    store: Store, lease: Lease, options: Options, stopping: threading.Event, launch: Launch
) -> Iterator[EpochRecord]:
    import torch

    trial_id = lease.trial_id

    def on_hang(why: str, where: str) -> None:
        store.fail(trial_id, why, where, options.run)
        leave(why)

    def leave(why: str) -> None:
        lease.release()
        print(f"studies: trial {trial_id} {why}; the process that trains it ends", file=sys.stderr, flush=True)

    with Heart(lease, stopping, options.step_timeout, on_hang) as heart:
        trial = store.trial(trial_id)
        device = device_for(options)
        prepare_device(device)
        reset_peak_memory(torch.device(device))
        endings = Endings(trial.recipe.batch_size, options, kept_micro_batch(store, trial_id))

        def lost(why: str) -> None:
            """This process waits for one that has ended, and ends: the next one begins with what it has learnt."""
            endings.leave_word(store, trial_id, why)
            leave(why)

        while True:
            team = Team(launch, store.root, trial_id, endings.options, device, lost)
            try:
                with team:
                    yield from _epochs(store, trial, lease, heart, stopping, team, endings)
                    return
            except RuntimeError as error:
                heart.suspend()
                endings.settle(error, team)


def _epochs(
    store: Store,
    trial: TrialSpec,
    lease: Lease,
    heart: Heart,
    stopping: threading.Event,
    team: Team,
    endings: Endings,
) -> Iterator[EpochRecord]:
    """Train from the last checkpoint to the end, and keep what is trained."""
    options = team.options
    trainer = _begun(store, trial, team)
    trainer.tick = heart.tick
    trainer.notes[:0], endings.notes = endings.notes, []
    endings.micro_batches = lambda: trainer.gradients.micro_batches
    saver = Saver(store, trial.id, beside=trainer.device.type != "cpu")
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
                team.finished()
                saver.wait()
                store.finish(trial.id, result(trial, trainer), trainer.weights())
            else:
                saver.save(trainer.step, trainer.state_dict())
            saved = time.monotonic()
            if record is not None:
                yield record
            if stopping.is_set() and not trainer.done:
                raise StoppedError
    finally:
        parts = trainer.gradients.micro_batches
        endings.micro_batches = lambda: parts  # not the trainer: the next one needs its memory
        trainer.source.close()
        saver.wait()  # while the trial is still ours


def device_for(options: Options) -> str:
    """The device that this process is to train on."""
    return "cpu" if options.on_cpu else default_device()


def make_trainer(store: Store, trial: TrialSpec, device: str, options: Options, ranks: Ranks) -> "Trainer":
    """A trainer at the first step."""
    from studies.training.parents import Parents
    from studies.training.trainer import Trainer

    access = DataAccess(options.data_root, options.data_workers)
    execution = Execution(micro_batch=options.micro_batch, compile=options.compile, access=access)
    return Trainer(trial, device, Parents(store.parent, store.weights_file), execution, ranks)


def _begun(store: Store, trial: TrialSpec, team: Team) -> "Trainer":
    """A trainer that goes on from the last checkpoint; one that cannot be loaded is put aside, for the one before."""
    trainer = make_trainer(store, trial, team.device, team.options, team.ranks)
    while (state := load_checkpoint(store, trial.id)) is not None:
        try:
            trainer.load_state_dict(state)
            break
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:  # of another version, say
            if is_memory_short(error):
                raise  # the checkpoint is good
            put_last_aside(store, trial.id)
            # What was loaded before the error must not stay.
            trainer = make_trainer(store, trial, team.device, team.options, team.ranks)
    team.begin_at(trainer.step)
    return trainer


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
        "devices": trainer.ranks.size,
        "precision": trainer.precision.name,
        "averaged_weights": trainer.ema is not None,
        "host": socket.gethostname(),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_fingerprint": trainer.source.fingerprint,
        "corrupt_pictures": trainer.source.corrupt,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "history": trainer.history,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
