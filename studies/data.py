"""Data on the device as tensors, drawn in an order that is a function of the seed and the step."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from studies.digits import placed_digits
from studies.scale import DigitsSpec


@dataclass(frozen=True)
class Pictures:
    """A split on a device: pictures (n, C, H, W) float32, labels (n,) int64."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.y)


def load(spec: DigitsSpec, device: torch.device) -> dict[str, Pictures]:
    """The splits `train` and `test` of a data set; made once for each process."""
    return {name: Pictures(x.to(device), y.to(device)) for name, (x, y) in placed_digits(spec).items()}


def shifted(x: torch.Tensor, largest: int) -> torch.Tensor:
    """Move each picture of a batch (B, C, H, W) by up to `largest` pixels each way; edges are repeated."""
    if not largest:
        return x
    b, _, h, w = x.shape
    padded = F.pad(x, (largest,) * 4, mode="replicate").permute(0, 2, 3, 1)
    dy, dx = torch.randint(0, 2 * largest + 1, (2, b, 1), device=x.device)
    rows = dy + torch.arange(h, device=x.device)
    columns = dx + torch.arange(w, device=x.device)
    batch = torch.arange(b, device=x.device)[:, None, None]
    return padded[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()
