"""The device that a process trains on: which, how it is set up, when its work is finished, how much memory it took."""

import os
import platform
import re
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.expand import SpecError
from searchspace.spec import CnnSpec, ModelSpec

if TYPE_CHECKING:
    import torch

# Of the drivers of NVIDIA (its Tegra chips have the third and the fourth), of ROCm, and of Windows for its Linux.
GPU_FILES = ("nvidia*", "nvgpu*", "nvhost*", "nvmap", "kfd", "dxg")


def default_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    if "torch" not in sys.modules and not has_gpu_driver():
        return "cpu"  # as torch would say, which takes a second or two to load
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def has_gpu_driver() -> bool:
    """Whether this machine may have a GPU that torch calls `cuda`; on Linux, whose drivers put files in /dev."""
    return sys.platform != "linux" or any(found for name in GPU_FILES for found in Path("/dev").glob(name))


def fit_on_gpus(gpus: float, asked: float) -> int:
    """How many processes so many GPUs take, each of which asks for whole ones, or for a share of one and not of two."""
    return int(gpus) * int(1 / asked) if asked < 1 else int(gpus / asked)


def checked_device(name: str) -> str:
    """The device of a name such as `cuda:1`, if this machine has it.

    Raises:
        SpecError: with those that it has.
    """
    import torch

    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    there += ["mps"] if torch.backends.mps.is_available() else []
    if name not in there and not (name == "cuda" and "cuda:0" in there):
        raise SpecError(f"no device {name!r} here: this machine has {', '.join(there)}")
    return name


def device_name(device: str) -> str:
    """What results say they were trained on."""
    if device != "cuda":
        return f"{platform.machine()} CPU, 1 thread"
    import torch

    return torch.cuda.get_device_name()


def prepare_device(device: str) -> None:
    """Set this process up to train: deterministic kernels, where there are any, and on a CPU one thread.

    Equal trials then end with equal numbers on one kind of device with one version of torch: a sum comes out otherwise
    on another kind, and a few CUDA kernels (the gradient of bicubic resizing, say) have no deterministic form; torch
    warns of these. One core a trial, as the models of small scales gain nothing from more.
    """
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts; without it cuBLAS may vary
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling new memory first is a check of programs; it costs 7 % of augmenting.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    if device == "cpu":
        torch.set_num_threads(1)
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let this process keep up to 64 MB of what it frees, where the C library is glibc; in others nothing happens.

    Each page that goes to the kernel and comes back costs time: up to half of that of augmenting, by chance. glibc
    raises its limits when memory of up to 32 MB, its largest block of the kind, is freed; it need not be used for that.
    """
    import torch

    torch.empty(2**25 - 2**16, dtype=torch.uint8)


def memory_format(spec: ModelSpec, device: "torch.device") -> "torch.memory_format":
    """How a model's values lie in memory: channels last for a CNN on a GPU, where cuDNN is faster with it.

    On a CPU the order would change the rounding of what is known.
    """
    import torch

    last = isinstance(spec, CnnSpec) and device.type == "cuda"
    return torch.channels_last if last else torch.contiguous_format


def finish_work(device: "torch.device") -> None:
    """Wait until a device has done all that was asked of it, so that a clock read now is right."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def reset_peak_memory(device: "torch.device") -> None:
    """Measure the peak from here on: of the device's memory, or of this process's where that is the device."""
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM
    except OSError:
        return  # not Linux, or not allowed: the peak of the process's whole life


def peak_memory_mb(device: "torch.device") -> float:
    """The largest memory since the last `reset_peak_memory`, in MiB: tensors on a GPU, else the resident process."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) / 2**10
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes, or KiB
