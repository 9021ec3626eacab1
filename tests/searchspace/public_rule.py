"""Weights and a picture that are a function of names alone, so that two programs can be compared by their logits."""

import zlib

import torch


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor of this shape: waves whose phase and height follow from the name."""
    size = int(torch.tensor(shape).prod())
    wave = torch.sin(0.7 * torch.arange(size, dtype=torch.float64) + zlib.crc32(name.encode()) % 1000)
    wave = wave.reshape(shape).float()
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.2 * wave
    if len(shape) >= 2:
        return wave * (0.5 / shape[-1]) ** 0.5 if "cheap" not in name else wave
    return 0.1 * wave


def picture(size: int = 224) -> torch.Tensor:
    """One picture (1, 3, size, size)."""
    return torch.sin(torch.arange(3 * size * size, dtype=torch.float64) * 0.013).reshape(1, 3, size, size).float() * 2
