"""Pictures in memory, and how bytes become what a model sees: a side, and each channel's mean and deviation."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Pictures:
    """A split on a device: pictures (n, C, H, W), bytes or normalised float32, and labels (n,) int64."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Pixels:
    """How pictures that are kept as bytes become what a model sees.

    Attributes:
        side: of the pictures that the model sees, in pixels.
        mean: of each channel, in bytes (0 to 255).
        std: deviation of each channel, likewise.
    """

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @staticmethod
    def of(x: torch.Tensor, side: int) -> "Pixels":
        """With mean and deviation of pictures (n, C, H, W) uint8, summed without rounding."""
        means, deviations = [], []
        for channel in x.unbind(1):
            counts = torch.bincount(channel.reshape(-1), minlength=256).tolist()
            n = sum(counts)
            first, second = (sum(count * value**k for value, count in enumerate(counts)) for k in (1, 2))
            means.append(first / n)
            variance = (n * second - first * first) / (n * (n - 1)) if n > 1 else 0.0
            deviations.append(variance**0.5 or 1.0)  # a channel of one value is 0 everywhere
        return Pixels(side, tuple(means), tuple(deviations))

    @property
    def fill(self) -> tuple[int, ...]:
        """The mean colour, for what comes from outside a picture."""
        return tuple(min(255, round(mean)) for mean in self.mean)

    def resized(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (B, C, H, W) uint8 at this side: bicubic, as torchvision resizes bytes, cut off at 0 and 255."""
        if x.shape[2] == x.shape[3] == self.side:
            return x
        from torchvision.transforms.v2.functional import InterpolationMode, resize

        return resize(x, [self.side, self.side], InterpolationMode.BICUBIC, antialias=True)

    def normalised(self, x: torch.Tensor) -> torch.Tensor:
        """(x - mean) / std, float32."""
        mean, std = (torch.tensor(v).to(x.device, non_blocking=True)[:, None, None] for v in (self.mean, self.std))
        return x.float().sub_(mean).div_(std)
