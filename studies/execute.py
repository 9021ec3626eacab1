"""Train trials of a store, one at a time: resume, train, checkpoint, keep the result or the reason."""

import platform
import resource
import socket
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from studies.store import Store
from studies.trial import TrialSpec


class Events(Protocol):
    """What a run tells of its trials while it goes on."""

    def epoch(self, trial_id: str, record: dict[str, Any]) -> None:
        """An epoch of a trial is trained."""

    def done(self, trial_id: str) -> None:
        """A trial is done."""

    def failed(self, trial_id: str, reason: str) -> None:
        """A trial failed."""


def run_inline(store: Store, trials: list[TrialSpec], events: Events) -> None:
    """Train the trials in this process, one after the other."""
    for trial in trials:
        try:
            for record in train(store, trial.id):
                events.epoch(trial.id, record)
        except Exception as error:
            events.failed(trial.id, reason(error))
        else:
            events.done(trial.id)


def train(store: Store, trial_id: str, device: str | None = None) -> Iterator[dict[str, Any]]:
    """Train a trial of the store from where it stands, yielding a record an epoch.

    The result, or the reason of a failure, is in the store when this ends; a failure is raised on.
    """
    from studies.train import Trainer, use_one_thread

    trial = store.trial(trial_id)
    store.lease(trial_id)
    try:
        device = device or default_device()
        if device == "cpu":
            use_one_thread()
        trainer = Trainer(trial, device)
        state = store.load_checkpoint(trial_id)
        if state is not None:
            trainer.load_state_dict(state)
        while not trainer.done:
            record = trainer.train_epoch()
            store.save_checkpoint(trial_id, trainer.state_dict())
            store.lease(trial_id)
            yield record
        store.finish(trial_id, _result(trial, trainer))
    except Exception as error:
        store.fail(trial_id, reason(error), traceback.format_exc())
        raise


def reason(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def default_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _result(trial: TrialSpec, trainer: Any) -> dict[str, Any]:
    import torch

    from searchspace.cost import cost

    last = trainer.history[-1]
    cuda = trainer.device.type == "cuda"
    return {
        **{name: last[name] for name in ("top1", "top5", "loss", "train_loss")},
        **cost(trial.model).as_dict(),
        "seconds": sum(record["seconds"] for record in trainer.history),
        "images_per_second": last["images_per_second"],
        "peak_memory_mb": torch.cuda.max_memory_allocated() / 2**20 if cuda else _resident_mb(),
        "device": torch.cuda.get_device_name() if cuda else f"{platform.machine()} CPU, 1 thread",
        "host": socket.gethostname(),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("t2t-studies", "torch", "timm")},
        "history": trainer.history,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


def _resident_mb() -> float:
    """Largest resident memory of this process so far, in MiB (the unit of ru_maxrss is KiB on Linux)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
