"""Placed digits: real handwriting on a small canvas, made on the fly without a download.

scikit-learn ships 1,797 handwritten digits of 8 x 8 pixels (UCI optical recognition of handwritten digits). Each
picture here is one of them, resized, turned, coloured and placed at random over a smooth background with noise.
Training and test pictures come from disjoint digits, and so do those that are held out of training for validation.
A spec may take some of the ten digits only; their labels are counted from 0.
"""

from functools import cache

import torch
import torch.nn.functional as F

from studies.training.data.pixels import Pictures
from studies.training.data.source import TensorSource
from studies.trials.data import DigitsSpec

TRAIN_SOURCES = 1197  # of the 1,797 digits; the others make the test pictures


def open_digits(spec: DigitsSpec, device: torch.device, cores: int = 1) -> TensorSource:
    """Placed digits on a device, made once for each process; on a CPU so many cores augment (see `TensorSource`)."""
    splits = {name: Pictures(x.to(device), y.to(device)) for name, (x, y) in placed_digits(spec).items()}
    return TensorSource(splits["train"], splits["test"], cores=cores)


@cache
def placed_digits(spec: DigitsSpec) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """`train` and `test`: pictures (n, 3, H, W) float32 of mean 0 and variance 1, and labels (n,) int64.

    A pure function of the spec: equal specs give equal bits on one machine.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    sources = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    generator = torch.Generator().manual_seed(spec.seed)
    order = torch.randperm(len(labels), generator=generator)
    used = (labels >= spec.first_class) & (labels < spec.first_class + spec.num_classes)
    train, test = order[:TRAIN_SOURCES], order[TRAIN_SOURCES:]
    train, test, test_size = train[used[train]], test[used[test]], spec.test_size
    if spec.validation:  # in place of the test pictures, of digits that no training picture is of
        kept = min(max(1, round(len(train) * (1 - spec.validation))), len(train) - 1)
        train, test, test_size = train[:kept], train[kept:], spec.held_out
    made = {}
    for split, chosen, count in (("train", train, spec.learned), ("test", test, test_size)):
        pick = chosen[torch.randint(len(chosen), (count,), generator=generator)]
        made[split] = (place(sources[pick], spec, generator), labels[pick] - spec.first_class)
    mean, std = made["train"][0].mean(), made["train"][0].std()
    return {split: ((pictures - mean) / std, labels) for split, (pictures, labels) in made.items()}


def place(digits: torch.Tensor, spec: DigitsSpec, generator: torch.Generator) -> torch.Tensor:
    """Digits (n, 1, 8, 8) in [0, 1] to pictures (n, 3, H, W), each placed wholly inside its canvas."""
    n, size = len(digits), spec.img_size

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    side = uniform(spec.min_side, spec.max_side)
    angle = uniform(-spec.rotation, spec.rotation)
    offset = uniform(-1, 1, 2) * (1 - side / size)[:, None]  # canvas coordinates run from -1 to 1
    # The affine map takes canvas coordinates to digit coordinates, as affine_grid wants it.
    zoom = size / side
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    turn = torch.stack((torch.stack((cos, sin), -1), torch.stack((-sin, cos), -1)), -2)
    shift = -(turn @ offset[:, :, None])
    grid = F.affine_grid(torch.cat((turn, shift), -1), [n, 1, size, size], align_corners=False)
    ink = F.grid_sample(digits, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    colour = spec.contrast * uniform(0.5, 1.3, 3, 1, 1)
    coarse = torch.randn(n, 3, 4, 4, generator=generator) * spec.background
    background = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    noise = torch.randn(n, 3, size, size, generator=generator) * spec.noise
    return ink * colour + background + noise
