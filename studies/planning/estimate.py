"""How long trials take: as earlier ones did, else as a calibration of seconds says, else by their MACs.

And which take longer than others (`length`), without measuring anything: by that they are ordered.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from statistics import mean, median

from searchspace.cost.composed import parts, role
from searchspace.cost.remembered import costs
from searchspace.spec import CnnSpec, ModelSpec, T2TTokenizerSpec
from studies.planning.accelerators import STEP_SECONDS, is_type, macs_per_second
from studies.planning.calibration import STEPS, calibrate, can_calibrate, seconds_of_picture
from studies.store.files import StoreError
from studies.store.store import Store
from studies.training.devices import default_device, device_name
from studies.trials.trial import TrialSpec

STARTUP_SECONDS = 14.0  # Ray and its workers, each of which imports torch
TRIAL_SECONDS = 0.4  # between one trial and the next on a worker
PART_WORK = 6e7  # multiply-adds that take as long as what a part of a model costs a step whatever its size (`length`)
LAYER_PARTS = 4  # attention, MLP, two norms
CNN_PARTS = 40  # of a network of a library, whose layers are not known here
BASES = {
    "store": "earlier trials in the store",
    "calibration": f"{STEPS} steps of each model just now",
    "made up": "MACs, at the rate of a few steps of one model on made-up pictures: reading pictures is not in it",
    "rate": "MACs, at the rate of earlier trials in the store",
    "peak": "MACs, at a guessed 15 % of the device's peak and 20 ms a step at least: right to a factor of 3 or so",
}


@dataclass(frozen=True)
class Estimate:
    """Seconds of each trial and their basis (a key of BASES), by id; in all and on the clock, for what is missing."""

    seconds: dict[str, float]
    bases: dict[str, str]
    device_seconds: float
    wall_seconds: float

    def basis(self, trials: Sequence[TrialSpec]) -> str:
        """What the seconds of some trials rest on, in words."""
        found = {self.bases[trial.id] for trial in trials}
        return " and ".join(text for name, text in BASES.items() if name in found)


def estimate(
    store: Store,
    trials: Sequence[TrialSpec],
    missing: Sequence[TrialSpec],
    jobs: int,
    device_type: str | None = None,
    data_root: str | None = None,
) -> Estimate:
    """Seconds for each trial, and for those that are missing, `jobs` at a time.

    Args:
        store: whose earlier trials, of any seed, are asked first.
        trials: of a plan.
        missing: those that are to be trained.
        jobs: devices, or shares of them.
        device_type: that they are of; none: this machine's.
        data_root: folder of data sets; none: $STUDIES_DATA.

    Raises:
        SpecError: for a device type of which nothing is known.
    """
    here = device_name(default_device())
    local = device_type is None or is_type(here, device_type)
    measured, rates = _measured(store, device_type or here)
    rate = 0.0  # multiply-adds a second, once it is measured
    seconds: dict[str, float] = {}
    bases: dict[str, str] = {}
    wanted = {trial.id for trial in missing}
    for trial in trials:
        key = _key(trial)
        result = store.figures(trial.id) if trial.id not in wanted else None
        if result and key not in measured:  # done, on another device
            seconds[trial.id], bases[trial.id] = result["seconds"], "store"
            continue
        if key not in measured:
            if local and can_calibrate(trial, work(trial) / _steps(trial), data_root):
                measured[key] = calibrate(trial, data_root), "calibration"
            elif local and not rates:
                rate = rate or work_of_picture(trial) / seconds_of_picture(trial)
                measured[key] = work(trial) / rate, "made up"
            elif rates:
                measured[key] = work(trial) / median(rates), "rate"
            else:
                by_macs = work(trial) / macs_per_second(device_type or here)
                measured[key] = max(by_macs, _steps(trial) * STEP_SECONDS), "peak"
        seconds[trial.id], bases[trial.id] = measured[key]
    asked = {trial.id: seconds[trial.id] + TRIAL_SECONDS for trial in missing}
    wall = max(_makespan(list(asked.values()), jobs), _longest_chain(missing, asked)) + STARTUP_SECONDS
    return Estimate(seconds, bases, sum(seconds[trial.id] for trial in missing), wall if missing else 0.0)


def work(trial: TrialSpec) -> float:
    """Multiply-adds of a trial: a training step is three forward passes."""
    macs = costs([trial.model])[0]["macs"]
    recipe, data = trial.recipe, trial.data
    evaluated = data.test_size + (recipe.epochs - 1) * (recipe.interim_test or data.test_size)
    return float(macs) * (3 * _steps(trial) * recipe.batch_size + evaluated)


def length(trial: TrialSpec) -> float:
    """How long a trial takes beside others, in multiply-adds: its work, and so many more for each part and step.

    In a small model a step's time is mostly that of starting its operators, whatever their size. The constants were
    chosen over the 19 models of `cnn_to_vit` at scale digits (CPU seconds of the fastest of 3 x 20 steps, one thread
    with AVX-512, batches of 32): there Spearman's correlation with the time of a step is 0.85, by multiply-adds alone
    -0.42; the error is 26 %, and 140 %. Only the order of trials and the time left follow from it.
    """
    return work(trial) + PART_WORK * _parts(trial.model) * _steps(trial)


def _parts(model: ModelSpec) -> int:
    """How many attentions, MLPs, norms and others a model has, with those of its tokenizer."""
    if isinstance(model, CnnSpec):
        return CNN_PARTS
    between = len(model.tokenizer.splits) - 1 if isinstance(model.tokenizer, T2TTokenizerSpec) else 0
    layers = sum(times for part, times in parts(model).items() if role(part) != "tokenizer")
    return 1 + layers + LAYER_PARTS * between


def work_of_picture(trial: TrialSpec) -> float:
    """Multiply-adds of one picture in a training step."""
    return 3.0 * costs([trial.model])[0]["macs"]


def _steps(trial: TrialSpec) -> int:
    return trial.recipe.epochs * (trial.data.learned // trial.recipe.batch_size)


def _makespan(seconds: Sequence[float], jobs: int) -> float:
    """When the last ends, longest first, each on the device that is free first."""
    free = [0.0] * max(1, jobs)
    for duration in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + duration)
    return max(free)


def _longest_chain(trials: Sequence[TrialSpec], seconds: Mapping[str, float]) -> float:
    """Seconds of the longest row of trials each of which needs the one before."""
    needs = {trial.id: [needed for needed in trial.needs if needed in seconds] for trial in trials}
    ends: dict[str, float] = {}
    for trial_id in TopologicalSorter(needs).static_order():
        ends[trial_id] = seconds[trial_id] + max((ends[needed] for needed in needs[trial_id]), default=0.0)
    return max(ends.values(), default=0.0)


def _measured(store: Store, device: str) -> tuple[dict[str, tuple[float, str]], list[float]]:
    """Mean seconds of every model that the store has trained on such a device, and MACs a second of each trial."""
    found: dict[str, list[float]] = {}
    rates = []
    for trial_id in store.ids():
        try:
            result = store.figures(trial_id)
            if result is None or not result.get("seconds") or not is_type(result.get("device", ""), device):
                continue
            trial = store.trial(trial_id)
        except StoreError:
            continue
        seconds = result["seconds"] * result.get("devices", 1)
        found.setdefault(_key(trial), []).append(seconds)
        rates.append(work(trial) / seconds)
    return {key: (mean(values), "store") for key, values in found.items()}, rates


def _key(trial: TrialSpec) -> str:
    """What the time depends on: everything but the seed and the weights of others."""
    taught = trial.teacher is not None
    return trial.model_dump_json(exclude={"seed", "teacher", "pretrained"}) + str(taught)
