"""What this machine has for trials: GPUs, cores, memory."""

import os

from searchspace.expand import SpecError
from studies.training.devices import default_device

MEMORY_GIB = 1.5  # of a worker with torch, with room


def default_gpus() -> float:
    """GPUs for a trial where nothing is said: one if there is one."""
    return 1.0 if default_device() == "cuda" else 0.0


def check_share(gpus_per_trial: float | None) -> None:
    """Refuse what Ray does not take.

    Raises:
        SpecError: for a number such as 1.5.
    """
    if gpus_per_trial and gpus_per_trial > 1 and gpus_per_trial != int(gpus_per_trial):
        raise SpecError(f"a trial takes a share of one GPU or whole ones, got --gpus-per-trial {gpus_per_trial:g}")


def check_gpus(gpus_per_trial: float | None) -> None:
    """Refuse what this machine cannot give.

    Raises:
        SpecError: if there are too few GPUs.
    """
    if gpus_per_trial:
        import torch

        if gpus_per_trial > torch.cuda.device_count():
            there = torch.cuda.device_count()
            raise SpecError(f"--gpus-per-trial {gpus_per_trial:g}, but this machine has {there} GPU(s)")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_data_workers(jobs: int) -> int:
    """Processes that read pictures beside each of so many trials: a core each, at least one."""
    return max(1, cores() // jobs)


def default_jobs(gpus_per_trial: float | None, cpus_per_trial: float = 1.0) -> int:
    """As many trials at a time as there are GPUs, or cores and memory."""
    if gpus_per_trial:
        import torch

        return max(1, int(torch.cuda.device_count() / gpus_per_trial))
    jobs = max(1, int(cores() / max(1.0, cpus_per_trial)))
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return jobs
    return max(1, min(jobs, int(memory / MEMORY_GIB)))
