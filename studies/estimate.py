"""How long trials take: what the store has measured, else a calibration of a few steps."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studies.execute import default_device
from studies.store import Store
from studies.trial import TrialSpec

STARTUP_SECONDS = 15.0  # Ray and its workers, and the report
STEPS = 12  # of a calibration; the first quarter is not timed


@dataclass(frozen=True)
class Estimate:
    """Seconds of training for each trial id, for all that is missing on one device, and on the clock."""

    seconds: dict[str, float]
    device_seconds: float
    wall_seconds: float
    basis: str


def estimate(store: Store, trials: Sequence[TrialSpec], jobs: int) -> Estimate:
    """Seconds for each trial and for those that are missing, `jobs` at a time."""
    models: dict[str, float] = {}
    seconds: dict[str, float] = {}
    measured = calibrated = 0
    for trial in trials:
        result = store.result(trial.id)
        if result:
            key = _key(trial)
            models.setdefault(key, result["seconds"])
    for trial in trials:
        key = _key(trial)
        if key in models:
            measured += 1
        else:
            models[key] = _calibrate(trial)
            calibrated += 1
        seconds[trial.id] = models[key]
    missing = [trial for trial in trials if store.state(trial.id) != "done"]
    total = sum(seconds[trial.id] for trial in missing)
    longest = max((seconds[trial.id] for trial in missing), default=0.0)
    wall = max(longest, total / min(jobs, max(1, len(missing)))) + STARTUP_SECONDS if missing else 0.0
    parts = []
    if measured > 0 and len(missing) < len(trials):
        parts.append("earlier trials in the store")
    if calibrated:
        parts.append(f"{STEPS} steps of each model just now")
    return Estimate(seconds, total, wall, " and ".join(parts))


def _key(trial: TrialSpec) -> str:
    """What the time depends on: everything but the seed."""
    return trial.model_dump_json(exclude={"seed"})


def _calibrate(trial: TrialSpec) -> float:
    """Seconds that a trial would take, from a few steps and one evaluation batch on this machine."""
    from studies.train import Trainer, use_one_thread

    device = default_device()
    if device == "cpu":
        use_one_thread()
    trainer: Any = Trainer(trial, device)
    first = min(STEPS // 4, trainer.steps_per_epoch - 1)
    timed = min(STEPS - first, trainer.steps_per_epoch - first)
    if first:
        trainer.train_steps(first)
    start = time.perf_counter()
    trainer.train_steps(timed)
    step = (time.perf_counter() - start) / timed
    start = time.perf_counter()
    pictures = trainer.evaluate(limit=512)["test_pictures"]
    picture = (time.perf_counter() - start) / pictures
    full, interim = len(trainer.splits["test"]), trial.recipe.interim_test
    looked = full + (trial.recipe.epochs - 1) * (interim or full)
    return trainer.steps * step + looked * picture
