"""Random states as functions of a trial's seed and of what they are for."""

import hashlib
import random

import torch


def seed_all(seed: int, *names: object) -> None:
    """Set every random state to a function of the seed and the names (`order` and the epoch, say)."""
    text = "/".join(map(str, (seed, *names)))
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
    torch.default_generator.manual_seed(value)  # torch.manual_seed asks every kind of device, at every step
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(value)
    random.seed(value)
