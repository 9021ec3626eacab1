"""What this machine has for trials: GPUs, cores, memory."""

import os

from searchspace.expand import SpecError
from studies.training.devices import default_device

MEMORY_GIB = 1.5  # of a worker with torch, with room


def default_gpus() -> float:
    """GPUs for a trial where nothing is said: one if there is one."""
    return 1.0 if default_device() == "cuda" else 0.0


def check_share(devices_per_trial: float | None, option: str = "--devices-per-trial") -> None:
    """Refuse what Ray does not take.

    Raises:
        SpecError: for a number such as 1.5.
    """
    if devices_per_trial and devices_per_trial > 1 and devices_per_trial != int(devices_per_trial):
        raise SpecError(f"a trial takes a share of one device or whole ones, got {option} {devices_per_trial:g}")


def check_devices(gpus: float | None, devices: int, cpus_per_trial: float, option: str) -> None:
    """Refuse what this machine cannot give a trial of so many processes.

    Raises:
        SpecError: if there are too few GPUs; or cores, for several processes without GPUs.
    """
    if gpus:
        import torch

        there = torch.cuda.device_count()
        if gpus * devices > there:
            raise SpecError(f"{option} {gpus * devices:g}, but this machine has {there} GPU(s)")
    elif devices > 1 and devices * cpus_per_trial > _cores():
        raise SpecError(
            f"{option} {devices}, but this machine has no GPU and {_cores()} core(s), where each of the {devices} "
            f"processes takes {cpus_per_trial:g}"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_jobs(gpus: float | None, cpus_per_trial: float = 1.0, devices: int = 1) -> int:
    """As many trials at a time as there are GPUs, or cores and memory; each trial has so many processes."""
    if gpus:
        import torch

        return max(1, int(torch.cuda.device_count() / (gpus * devices)))
    cores = max(1, int(_cores() / (max(1.0, cpus_per_trial) * devices)))
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return cores
    return max(1, min(cores, int(memory / (MEMORY_GIB * devices))))
