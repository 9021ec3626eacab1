"""Inception's crop: a part of the picture of random area and shape, resized to the whole."""

from math import log

import torch

from studies.training.data.augment.stage import between, cubic, whole

TRIES = 10  # rectangles drawn until one lies within the picture, as in torchvision


class ResizedCrop:
    """torchvision's `RandomResizedCrop` and timm's `RandomResizedCropAndInterpolation`, to the picture's own side.

    The resizing is Pillow's: weights of the part's pixels alone, columns first and rounded, then rows.

    Args:
        scale: smallest and largest area, of the picture's.
        ratio: narrowest and widest shape, width over height.
        interpolation: bilinear, bicubic, or either at random.
    """

    numbers = 2 * TRIES + 3

    def __init__(self, scale: tuple[float, float], ratio: tuple[float, float], interpolation: str) -> None:
        self.scale, self.ratio, self.interpolation = scale, ratio, interpolation

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Parts of pictures (B, C, H, W), each as large as its picture was."""
        return resized(x, self.boxes(u, x.shape[2], x.shape[3]), cubic(self.interpolation, u[:, -1]))

    def boxes(self, u: torch.Tensor, h: int, w: int) -> torch.Tensor:
        """Parts of pictures of h x w pixels: (B, 4) int64, top, left, height, width."""
        area = between(u[:, :TRIES], *self.scale) * h * w
        shape = between(u[:, TRIES : 2 * TRIES], log(self.ratio[0]), log(self.ratio[1])).exp()
        widths, heights = (area * shape).sqrt().round(), (area / shape).sqrt().round()
        fits = (widths <= w) & (heights <= h)
        first = fits.to(torch.uint8).argmax(1, keepdim=True)
        width, height = widths.gather(1, first)[:, 0], heights.gather(1, first)[:, 0]
        # None fits: the largest part in the middle whose shape is allowed.
        none = ~fits.any(1)
        width[none] = min(w, round(h * max(self.ratio)))
        height[none] = min(h, round(w / min(self.ratio)))
        top, left = whole(u[:, 2 * TRIES], h - height + 1), whole(u[:, 2 * TRIES + 1], w - width + 1)
        top[none], left[none] = (h - height[none]).long() // 2, (w - width[none]).long() // 2
        return torch.stack((top, left, height.long().clamp(min=1), width.long().clamp(min=1)), 1)


def resized(x: torch.Tensor, boxes: torch.Tensor, is_cubic: torch.Tensor) -> torch.Tensor:
    """Parts of pictures resized to h x w.

    Args:
        x: (B, C, H, W); bytes are rounded as Pillow rounds them.
        boxes: (B, 4) top, left, height, width.
        is_cubic: (B,) bool: bicubic (a = -0.5), else bilinear.
    """
    top, left, height, width = boxes.to(x.device).double().unbind(1)
    chosen = is_cubic.to(x.device)
    across = _weights(left, width, x.shape[3], chosen)
    down = _weights(top, height, x.shape[2], chosen)
    lines = _rounded(x.float() @ across.mT[:, None], x.dtype)
    return _rounded(down[:, None] @ lines, x.dtype).to(x.dtype)


def _weights(start: torch.Tensor, length: torch.Tensor, side: int, is_cubic: torch.Tensor) -> torch.Tensor:
    """What each pixel gives to each pixel of the resized axis: (B, side out, side in) float32."""
    place = torch.arange(side, device=start.device, dtype=torch.float64) + 0.5
    step = (length / side)[:, None, None]
    pixel = place - start[:, None, None]  # in the part
    distance = ((pixel - place[None, :, None] * step) / step.clamp(min=1)).abs()  # smaller: widened against aliases
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    bicubic = torch.where(distance < 1, near, torch.where(distance < 2, far, 0))
    weight = torch.where(is_cubic[:, None, None], bicubic, (1 - distance).clamp(min=0))
    weight = weight * ((pixel > 0) & (pixel < length[:, None, None]))
    return (weight / weight.sum(-1, keepdim=True)).float()


def _rounded(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return x.add_(0.5).floor_().clamp_(0, 255) if dtype == torch.uint8 else x
