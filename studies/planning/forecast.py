"""What a run would cost: a row for each trial, and the time for all."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from searchspace.cost.remembered import costs, memory
from studies.planning.estimate import Estimate, estimate
from studies.planning.machine import check_memory, default_gpus, default_jobs
from studies.planning.plan import Plan
from studies.training.devices import default_device, device_name
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Expected:
    """What a run with `resolve` is expected to train.

    Attributes:
        trials: of those that it may train.
        device_seconds: of these.
        basis: what that rests on.
    """

    trials: float
    device_seconds: float
    basis: str


@dataclass(frozen=True, repr=False)
class Forecast:
    """A plan with its costs.

    Attributes:
        devices: trials at a time.
        device: what they run on.
        missing: trials to train.
        estimate: seconds of each trial, in all and on the clock.
        expected: of these, what a run with `resolve` is expected to train; none: all of them.
    """

    plan: Plan
    devices: int
    device: str
    missing: list[TrialSpec]
    estimate: Estimate
    expected: Expected | None = None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each arm and seed.

        Names, the scale's stage, state, what is trained before it (`needs` by id, `waits_for` by name), params, macs
        for one picture, bytes a batch, seconds and their basis.
        """
        named = [(arm.group, arm.name, arm.stage or "", trial) for arm, trial in self.plan.arms]
        named += [("", name.rpartition(", seed")[0], "", trial) for name, trial in self.plan.others.values()]
        models = [trial.model for *_, trial in named]
        to_train = {trial.id for trial in self.missing}
        waits = self.plan.waits
        return [
            {
                "group": group,
                "arm": name,
                "seed": trial.seed,
                "trial": trial.id,
                "status": self.plan.store.state(trial.id),
                "to_train": trial.id in to_train,
                "needs": trial.needs,
                "stage": stage,
                "waits_for": waits[trial.id],
                "params": cost["params"],
                "macs": cost["macs"],
                "activation_bytes": kept * trial.recipe.batch_size,
                "seconds": self.estimate.seconds[trial.id],
                "basis": self.estimate.bases[trial.id],
            }
            for (group, name, stage, trial), cost, kept in zip(named, costs(models), memory(models), strict=True)
        ]

    @property
    def frame(self) -> "pd.DataFrame":
        """The rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def __repr__(self) -> str:
        wall, work = self.estimate.wall_seconds, self.estimate.device_seconds
        return (
            f"{self.plan.study.name} at scale {self.plan.scale.scale}: {len(self.missing)} of {len(self.plan.trials)} "
            f"trials to train, about {wall:.0f} s ({work:.0f} s of training), {self.devices} at a time on {self.device}"
        )


def forecast(
    plan: Plan, devices: int | None = None, device_type: str | None = None, data_root: str | None = None
) -> Forecast:
    """What the missing trials of a plan would cost on so many devices of a type; none: this machine.

    Raises:
        SpecError: for a device type of which nothing is known.
    """
    devices = devices or default_jobs(default_gpus())
    missing = plan.missing
    here = device_type is None and default_device() == "cpu"
    names = plan.names
    check_memory({names[trial.id]: trial.model for trial in plan.trials}, trained=here)
    guess = estimate(plan.store, plan.trials, missing, devices, device_type, data_root)
    return Forecast(plan, devices, device_type or device_name(default_device()), missing, guess)
