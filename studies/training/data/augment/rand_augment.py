"""RandAugment over a batch: every picture its own operations and magnitudes, and pictures of one operation together."""

from collections.abc import Callable
from math import inf

import torch

from studies.training.data.augment import affine, tones
from studies.training.data.augment.stage import cubic, normal, put, whole
from studies.trials.rand_augment import LARGEST, RandAugment

Levels = torch.Tensor  # (B,) magnitudes, 0 to 10
Signs = torch.Tensor  # (B,) 1 or -1
Argument = Callable[[Levels, Signs], torch.Tensor]


def _share(level: Levels) -> torch.Tensor:
    return level / LARGEST


def none(level: Levels, _: Signs) -> torch.Tensor:
    """Of an operation without an argument."""
    return torch.zeros_like(level)


def degrees(level: Levels, sign: Signs) -> torch.Tensor:
    """Up to 30 degrees either way."""
    return sign * _share(level) * 30.0


def sheared(level: Levels, sign: Signs) -> torch.Tensor:
    """Up to 0.3 either way."""
    return sign * _share(level) * 0.3


def translated(level: Levels, sign: Signs) -> torch.Tensor:
    """Up to 0.45 of a side either way."""
    return sign * _share(level) * 0.45


def added(level: Levels, _: Signs) -> torch.Tensor:
    """Whole numbers up to 110."""
    return (_share(level) * 110).trunc().clamp(max=128)


def bits(level: Levels, _: Signs) -> torch.Tensor:
    """0 to 4 bits, more of them the larger the magnitude."""
    return (_share(level) * 4).trunc()


def fewer_bits(level: Levels, sign: Signs) -> torch.Tensor:
    """4 to 0 bits, fewer of them the larger the magnitude."""
    return 4 - bits(level, sign)


def threshold(level: Levels, _: Signs) -> torch.Tensor:
    """Whole numbers from 0 to 256."""
    return (_share(level) * 256).trunc().clamp(max=256)


def lower_threshold(level: Levels, sign: Signs) -> torch.Tensor:
    """Whole numbers from 256 to 0."""
    return 256 - threshold(level, sign)


def factor(level: Levels, _: Signs) -> torch.Tensor:
    """0.1 to 1.9."""
    return _share(level) * 1.8 + 0.1


def factor_from_1(level: Levels, sign: Signs) -> torch.Tensor:
    """From 1 to 0.1 or to 1.9."""
    return (1.0 + sign * (_share(level) * 0.9)).clamp(min=0.1)


ToneOperation = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
AffineOperation = Callable[[torch.Tensor, torch.Tensor, affine.Fill, bool], torch.Tensor]

# By timm's names and in its order (`_RAND_TRANSFORMS`): operation, argument, argument where `inc` is 1.
TONES: dict[str, tuple[ToneOperation, Argument, Argument]] = {
    "AutoContrast": (tones.auto_contrast, none, none),
    "Equalize": (tones.equalize, none, none),
    "Invert": (tones.invert, none, none),
    "Posterize": (tones.posterize, bits, fewer_bits),
    "Solarize": (tones.solarize, threshold, lower_threshold),
    "SolarizeAdd": (tones.solarize_add, added, added),
    "Color": (tones.color, factor, factor_from_1),
    "Contrast": (tones.contrast, factor, factor_from_1),
    "Brightness": (tones.brightness, factor, factor_from_1),
    "Sharpness": (tones.sharpness, factor, factor_from_1),
}
MOVES: dict[str, tuple[AffineOperation, Argument]] = {
    "Rotate": (affine.rotate, degrees),
    "ShearX": (affine.shear_x, sheared),
    "ShearY": (affine.shear_y, sheared),
    "TranslateXRel": (affine.translate_x, translated),
    "TranslateYRel": (affine.translate_y, translated),
}
NAMES = (*TONES, *MOVES)
# What is done to pictures together: an operation, and for those of `MOVES` whether bicubically.
GROUPS = (*((name, False) for name in TONES), *((name, is_cubic) for name in MOVES for is_cubic in (False, True)))
FIRST = [[name for name, _ in GROUPS].index(name) for name in NAMES]  # group of each operation
EACH = 5  # random numbers of a picture and layer: whether, which, magnitude, sign, interpolation


class RandAugmentStage:
    """timm's `rand_augment_transform`, layer by layer over a batch of bytes.

    Args:
        policy: what is drawn.
        fill: colour of what comes from outside a picture.
        interpolation: of rotation, shear and translation: bilinear, bicubic, or either at random.
    """

    def __init__(self, policy: RandAugment, fill: affine.Fill, interpolation: str) -> None:
        self.policy, self.fill, self.interpolation = policy, fill, interpolation
        self.numbers = EACH * policy.n

    def __call__(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) uint8, changed in place."""
        for layer in u.split(EACH, 1):
            self._layer(x, layer)
        return x

    def _layer(self, x: torch.Tensor, u: torch.Tensor) -> None:
        used = (u[:, 0] < self.policy.p).nonzero()[:, 0]
        u = u[used]
        which = whole(u[:, 1], len(NAMES))
        group = torch.tensor(FIRST)[which] + (cubic(self.interpolation, u[:, 4]) & (which >= len(TONES)))
        group, order = group.sort(stable=True)
        counts = torch.bincount(group, minlength=len(GROUPS)).tolist()
        u, places = u[order], used[order].to(x.device, non_blocking=True)
        levels, signs = self.magnitudes(u[:, 2]), 1.0 - 2.0 * (u[:, 3] < 0.5)
        each = zip(GROUPS, levels.split(counts), signs.split(counts), strict=True)
        values = torch.cat([argument(self.policy.inc, name)(a, b) for (name, _), a, b in each])
        parts = zip(GROUPS, places.split(counts), values.to(x.device, non_blocking=True).split(counts), strict=True)
        for (name, is_cubic), rows, arguments in parts:
            if len(rows):
                put(x, rows, self.changed(name, x.index_select(0, rows), arguments, is_cubic))

    def magnitudes(self, u: torch.Tensor) -> Levels:
        """From uniform numbers (B,)."""
        m, mstd = float(self.policy.m), self.policy.mstd
        if mstd == inf:
            return m * u
        return (m + mstd * normal(u)).clamp(0, LARGEST) if mstd else torch.full_like(u, m)

    def changed(self, name: str, x: torch.Tensor, values: torch.Tensor, is_cubic: bool) -> torch.Tensor:
        """Pictures after one operation with an argument for each."""
        if name in TONES:
            return TONES[name][0](x, values)
        return MOVES[name][0](x, values, self.fill, is_cubic)


def argument(inc: bool, name: str) -> Argument:
    """What makes an operation's argument of its magnitude."""
    return TONES[name][2 if inc else 1] if name in TONES else MOVES[name][1]
