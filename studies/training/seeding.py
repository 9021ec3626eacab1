"""Random states as functions of a trial's seed and of what they are for."""

import hashlib
import random

import numpy as np
import torch


def derived(seed: int, *names: object) -> int:
    """A number of 63 bits that is a function of the seed and the names (`order` and the epoch, say)."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def generator(seed: int, *names: object) -> torch.Generator:
    """A random state of its own, on the CPU, so that what is drawn is the same on every device."""
    return torch.Generator().manual_seed(derived(seed, *names))


def seed_all(seed: int, *names: object) -> None:
    """Set every random state of this process: torch's, Python's and NumPy's (which timm's Mixup draws from)."""
    value = derived(seed, *names)
    torch.default_generator.manual_seed(value)  # torch.manual_seed asks every kind of device, at every step
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(value)
    random.seed(value)
    np.random.seed(value % 2**32)
