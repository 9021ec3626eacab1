"""CIFAR-10 and CIFAR-100 from their files, whole on the device as bytes.

Source: Krizhevsky, Learning multiple layers of features from tiny images, 2009.
"""

from functools import lru_cache
from pathlib import Path

import torch

from studies.training.data.cifar_files import read
from studies.training.data.pixels import Pictures, Pixels
from studies.training.data.root import require_data
from studies.training.data.source import TensorSource, parted
from studies.trials.data import Cifar10Spec


def open_cifar(spec: Cifar10Spec, root: str | None, device: torch.device, cores: int = 1) -> TensorSource:
    """The splits of a data set below a root folder, normalised by the training split.

    On a CPU so many cores augment them, see `TensorSource`.

    Raises:
        SpecError: if there is no root, a file is missing or not of the format, or there are too few pictures.
    """
    require_data(spec, root)
    train, test, pixels, fingerprint = _opened(spec, Path(str(root)))
    train, test = (Pictures(split.x.to(device), split.y.to(device)) for split in (train, test))
    return TensorSource(train, test, fingerprint, pixels, cores)


@lru_cache(maxsize=2)
def _opened(spec: Cifar10Spec, root: Path) -> tuple[Pictures, Pictures, Pixels, str]:
    found = read(spec, root)
    train, test = (Pictures(torch.from_numpy(x), torch.from_numpy(y)) for x, y in (found.train, found.test))
    if spec.validation:
        train, test = (Pictures(train.x[rows], train.y[rows]) for rows in parted(len(train), spec.held_out))
    return train, test, Pixels.of(train.x, spec.img_size), found.fingerprint
