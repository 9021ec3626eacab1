"""Changes of colour in batches of bytes, to the bit as Pillow makes them (ImageOps, ImageEnhance).

Each takes pictures (B, 3, H, W) uint8 and one argument for each picture, (B,) on any device, and gives new pictures.
"""

import torch

from studies.training.data.augment.stage import spread


def auto_contrast(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Stretch each channel to 0..255; a channel of one value stays."""
    values = x.flatten(2)
    low, high = values.amin(2).double(), values.amax(2).double()
    scale = torch.full_like(low, 255) / (high - low).clamp(min=1)  # a number over a tensor is rounded twice
    offset = -low * scale
    made = _every_byte(x, torch.float64) * scale[..., None] + offset[..., None]
    kept = (high <= low)[..., None]
    return _looked_up(x, torch.where(kept, _every_byte(x, torch.float64), made).clamp_(0, 255).to(torch.uint8))


def equalize(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Make every value of a channel about as frequent as any other."""
    b, c, h, w = x.shape
    places = torch.arange(b * c, device=x.device)[:, None] * 256 + x.reshape(b * c, h * w)
    ones = torch.ones((), dtype=torch.int64, device=x.device).expand(places.numel())
    counts = torch.zeros(b * c * 256, dtype=torch.int64, device=x.device).scatter_add_(0, places.view(-1), ones)
    counts = counts.view(b, c, 256)
    top = counts.gather(2, x.flatten(2).amax(2, keepdim=True).long())  # pixels of the largest value
    step = (h * w - top) // 255
    divisor = step.clamp(min=1)
    made = (counts.cumsum(2) - counts + step // 2) // divisor
    table = torch.where(step > 0, made, _every_byte(x, torch.int64)).clamp_(0, 255).to(torch.uint8)
    return table.view(-1).take(places).view(x.shape)


def invert(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """255 - x."""
    return 255 - x


def posterize(x: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """Keep the first bits of each byte; with 0 of them the picture is black, with 8 and more it stays."""
    mask = 256 - torch.exp2(8 - bits.clamp(0, 8))
    return x & spread(mask, x, torch.uint8)


def solarize(x: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Invert what is not below a threshold."""
    return x ^ _all_bits(x.short() >= spread(threshold, x, torch.int16))


def solarize_add(x: torch.Tensor, add: torch.Tensor) -> torch.Tensor:
    """Add up to 128 to what is below 128."""
    return x + (_all_bits(x < 128) & spread(add, x, torch.uint8))


def color(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Between grey (0) and the picture (1), or beyond."""
    return _blend(_grey(x).float(), x, factor)


def contrast(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Between the mean grey (0) and the picture (1), or beyond."""
    grey = _grey(x)
    count = grey.shape[2] * grey.shape[3]
    mean = (2 * grey.sum((2, 3), keepdim=True, dtype=torch.int64) + count) // (2 * count)  # rounded, half up
    return _blend(mean.float(), x, factor)


def brightness(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Between black (0) and the picture (1), or beyond."""
    return x.float().mul_(spread(factor, x, torch.float32)).clamp_(0, 255).to(torch.uint8)


def sharpness(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Between the picture smoothed over 3 x 3 pixels (0) and the picture (1), or beyond; the border stays."""
    wide = x.short()
    if min(x.shape[2:]) < 3:
        return x.clone()
    lines = wide[:, :, :-2] + wide[:, :, 1:-1] + wide[:, :, 2:]
    total = lines[..., :-2] + lines[..., 1:-1] + lines[..., 2:] + 4 * wide[:, :, 1:-1, 1:-1]
    smooth = x.float()
    smooth[:, :, 1:-1, 1:-1] = total.float().div_(13).round_()  # 13 is odd: there is no half to round
    return _blend(smooth, x, factor)


def _blend(base: torch.Tensor, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """base + factor (x - base) in float32, cut off as C does (Pillow's `ImagingBlend`)."""
    return (x - base).mul_(spread(factor, x, torch.float32)).add_(base).clamp_(0, 255).to(torch.uint8)


def _grey(x: torch.Tensor) -> torch.Tensor:
    """ITU-R 601 luma in Pillow's fixed point: (B, 1, H, W) int32."""
    red, green, blue = x.int().split(1, 1)
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


def _all_bits(mask: torch.Tensor) -> torch.Tensor:
    """255 where a mask is true, else 0: `torch.where` on bytes is ten times slower than what is made of this."""
    return mask.view(torch.uint8).neg()


def _every_byte(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.arange(256, device=x.device, dtype=dtype)


def _looked_up(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Bytes (B, C, H, W) through tables (B, C, 256)."""
    return table.gather(2, x.flatten(2).long()).view(x.shape)
