"""How a run trains, as a user says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from searchspace.expand import SpecError
from studies.engine.cluster import connected
from studies.planning.machine import default_data_workers, default_gpus, default_jobs

Executor = Literal["ray", "inline"]


@dataclass(frozen=True)
class How:
    """How a run trains: none of it changes a result.

    Attributes:
        jobs: trials at a time; none: one a core, or a GPU.
        gpus_per_trial: as `devices_per_trial`, GPUs only; 0: no GPU even where there is one.
        cpus_per_trial: cores that each process of a trial keeps from others; on a CPU it trains with one thread in any
            case.
        executor: Ray, or one after the other in this process.
        fresh: forget earlier results of these trials first.
        early_stop: end the worse of a group's trials early (ASHA).
        grace_period: epochs that early stopping leaves every trial.
        reduction_factor: early stopping lets one in so many go on beyond each rung.
        address: of a running Ray cluster; none: the Ray that this process is connected to, else one of our own.
        device_type: accelerators to run on, as Ray names them.
        checkpoint_every: seconds between checkpoints within an epoch.
        step_timeout: seconds without a step after which a trial has failed.
        data_dir: folder of data sets; none: $STUDIES_DATA.
        cluster_silence: seconds without an answer after which a Ray is taken for dead.
        devices_per_trial: devices that train a trial together, or a share of a GPU; none: one. Devices are GPUs where
            there are any, here or on the cluster at `address`, else processes on the CPU.
        micro_batch: most pictures of one forward pass on a device; none: all of its share of a batch.
        compile: compile the models with `torch.compile`.
        data_workers: processes that read pictures from files beside each process of a trial, 0: none; none: the cores,
            divided by what trains at a time, or on a cluster `cpus_per_trial`.
        download: fetch data sets first that are not there, where torchvision can.
        trackers: that are told of the run: names of `studies.tracking.opened.TRACKERS`.
        page: file of a page that is written while the run goes on, `store`: in the store; none: no page.
    """

    jobs: int | None = None
    gpus_per_trial: float | None = None
    executor: Executor = "ray"
    fresh: bool = False
    early_stop: bool = False
    address: str | None = None
    device_type: str | None = None
    checkpoint_every: float = 60.0
    step_timeout: float = 600.0
    data_dir: str | None = None
    cluster_silence: float = 45.0
    cpus_per_trial: float = 1.0
    grace_period: int = 1
    reduction_factor: float = 2.0
    devices_per_trial: float | None = None
    micro_batch: int | None = None
    compile: bool = False
    data_workers: int | None = None
    download: bool = False
    trackers: Sequence[str] = ()
    page: str | None = None

    def __post_init__(self) -> None:
        if self.executor not in get_args(Executor):
            raise SpecError(f"executor: {' or '.join(get_args(Executor))}, got {self.executor!r}")
        if self.executor == "ray" and self.address in (None, "auto"):
            object.__setattr__(self, "address", connected() or self.address)

    @property
    def devices(self) -> int:
        """Processes that train a trial together, one a device."""
        asked = self.gpus_per_trial if self.devices_per_trial is None else self.devices_per_trial
        return max(1, int(asked or 1))

    @property
    def gpus(self) -> float | None:
        """GPUs that each process of a trial takes; none: what the cluster at `address` has decides."""
        if self.gpus_per_trial is not None:
            return min(1.0, self.gpus_per_trial)
        if self.devices_per_trial is not None and self.devices_per_trial < 1:
            return self.devices_per_trial
        return None if self.address else default_gpus()

    @property
    def device_option(self) -> str:
        """The option that says how many devices a trial takes, for errors."""
        return "--devices-per-trial" if self.gpus_per_trial is None else "--gpus-per-trial"

    def at_a_time(self, trials: int) -> int | None:
        """How many of so many trials train at a time; none: as many as the cluster takes."""
        if self.executor == "inline":
            return 1
        if self.jobs is not None or self.address:
            return self.jobs
        return min(default_jobs(self.gpus, self.cpus_per_trial, self.devices), trials)

    def readers(self, trials: int) -> int:
        """Processes that read pictures beside each process of so many trials."""
        if self.data_workers is not None:
            return self.data_workers
        jobs = None if self.address else self.at_a_time(trials)
        return default_data_workers(jobs * self.devices) if jobs else max(1, int(self.cpus_per_trial))
