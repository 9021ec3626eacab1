"""Trackers by the name of their option."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from searchspace.expand import SpecError
from studies.tracking.tracker import Tracker

TRACKERS = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}  # option, and package that it needs


def open_trackers(names: Sequence[str], folder: Path) -> list[Tracker]:
    """Trackers that are ready.

    Args:
        names: of `TRACKERS`.
        folder: for those that write files.

    Raises:
        SpecError: if there is no such tracker, a package is missing, or a tracker cannot begin.
    """
    for name in names:
        if name not in TRACKERS:
            raise SpecError(f"no tracker {name!r}; known: {', '.join(TRACKERS)}")
    return [_open(name, folder) for name in names]


def _open(name: str, folder: Path) -> Tracker:
    try:
        importlib.import_module(TRACKERS[name])
        module = importlib.import_module(f"studies.tracking.{name}")
    except ImportError as error:
        raise SpecError(f"--{name} needs a package that is not here ({error}): pip install {name}") from None
    try:
        if name == "tensorboard":
            return module.TensorBoardTracker(folder / "tensorboard")
        return module.WandbTracker(str(folder)) if name == "wandb" else module.MlflowTracker()
    except Exception as error:
        raise SpecError(f"--{name} cannot begin: {' '.join(str(error).split())[:300]}") from None
