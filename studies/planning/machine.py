"""What this machine has for trials: GPUs, cores, memory."""

import os
from collections.abc import Mapping

from searchspace.cost.remembered import costs
from searchspace.expand import SpecError
from searchspace.spec import ModelSpec
from studies.training.devices import default_device, fit_on_gpus

MADE_BYTES, TRAINED_BYTES = 4, 16  # of a parameter: in float32; with its gradient and two moments
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
    elif devices > 1 and devices * cpus_per_trial > cores():
        raise SpecError(
            f"{option} {devices}, but this machine has no GPU and {cores()} core(s), where each of the {devices} "
            f"processes takes {cpus_per_trial:g}"
        )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_data_workers(processes: int) -> int:
    """Processes that read pictures beside each of so many that train: a core each, at least one."""
    return max(1, cores() // processes)


def default_jobs(gpus: float | None, cpus_per_trial: float = 1.0, devices: int = 1) -> int:
    """As many trials at a time as there are GPUs, or cores and memory; each trial has so many processes."""
    if gpus:
        import torch

        return max(1, fit_on_gpus(torch.cuda.device_count(), gpus * devices))
    jobs = max(1, int(cores() / (max(1.0, cpus_per_trial) * devices)))
    memory = memory_gib()
    return jobs if memory is None else max(1, min(jobs, int(memory / (MEMORY_GIB * devices))))


def memory_gib() -> float | None:
    """Memory of this machine; None if it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return None


def check_memory(models: Mapping[str, ModelSpec], trained: bool) -> None:
    """Refuse models of which the parameters alone do not fit into this machine's memory.

    Args:
        models: by the names that errors give.
        trained: on this machine's cores, which keep a gradient and two moments for each parameter; else only made here.

    Raises:
        SpecError: for the first that does not.
    """
    there = memory_gib()
    for (name, _), figures in zip(models.items(), costs(list(models.values())), strict=True):
        needed = figures["params"] * (TRAINED_BYTES if trained else MADE_BYTES) / 2**30
        if there is not None and needed > there:
            raise SpecError(
                f"{name} has {figures['params'] / 1e9:.3g} G parameters, which take {needed:.4g} GiB of memory "
                f"{'to train' if trained else 'to make'}, and this machine has {there:.4g} GiB: make it smaller"
            )
