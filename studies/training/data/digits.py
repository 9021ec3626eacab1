"""Placed digits: real handwriting on a small canvas, made on the fly without a download.

scikit-learn ships 1,797 handwritten digits of 8 x 8 pixels (UCI optical recognition of handwritten digits). Each
picture here is one of them, resized, turned, coloured and placed at random over a smooth background with noise.
Training and test pictures come from disjoint digits, and so do those that are held out of training for validation.
A spec may take some of the ten digits only; their labels are counted from 0. It may put several side by side, whose
label is the number that they make, and scatter fragments of others between them, as in the cluttered digits of Mnih et
al., arXiv 1406.6247.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from studies.training.data.pixels import Pictures
from studies.training.data.placing import fragments, place
from studies.training.data.source import TensorSource
from studies.trials.data import DIGITS, DigitsSpec

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
    sources, labels = handwritten()
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
        pick = chosen[torch.randint(len(chosen), (count, spec.per_picture), generator=generator)]
        other = chosen[torch.randint(len(chosen), (count, spec.clutter), generator=generator)]
        torn = fragments(sources[other], generator)
        numbers = (labels[pick] - spec.first_class) @ DIGITS ** torch.arange(spec.per_picture).flip(0)
        made[split] = (place(sources[pick], torn, spec, generator), numbers)
    mean, std = made["train"][0].mean(), made["train"][0].std()
    return {split: ((pictures - mean) / std, labels) for split, (pictures, labels) in made.items()}


def handwritten() -> tuple[torch.Tensor, torch.Tensor]:
    """scikit-learn's digits, (1797, 8, 8) float32 from 0 to 1, and labels (1797,) int64.

    They are read from its file if that is found, since importing scikit-learn takes a second in each process.
    """
    package = find_spec("sklearn")  # does not import it
    folders = (package and package.submodule_search_locations) or []
    file = next((path for folder in folders if (path := Path(folder, "datasets/data/digits.csv.gz")).exists()), None)
    if file:
        values = np.loadtxt(file, delimiter=",", dtype=np.int64)
    else:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        values = np.column_stack([bunch.data, bunch.target])
    pixels, labels = torch.from_numpy(values[:, :-1]), torch.from_numpy(values[:, -1])
    return pixels.float().view(-1, 8, 8) / 16, labels.long()
