"""The device that a process trains on."""

import platform


def default_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name(device: str) -> str:
    """What results say they were trained on."""
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()} CPU, 1 thread"


def use_one_thread() -> None:
    """One core a trial: the models of small scales gain nothing from more, and sums come out the same everywhere."""
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
