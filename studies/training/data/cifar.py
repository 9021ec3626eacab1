"""CIFAR-10 and CIFAR-100 from their files, whole on the device, normalised by the training split."""

from functools import cache
from pathlib import Path

import torch

from searchspace.expand import SpecError
from studies.training.data.root import require_data
from studies.training.data.source import Pictures, TensorSource
from studies.trials.data import Cifar10Spec


def open_cifar(spec: Cifar10Spec, root: str | None, device: torch.device) -> TensorSource:
    """The splits of a data set below a root folder, checked by torchvision against the published digests.

    Raises:
        SpecError: if there is no root, or the files are not there or not what was published.
    """
    require_data(spec, root)
    train, test = (Pictures(x.to(device), y.to(device)) for x, y in _read(spec, Path(str(root))))
    return TensorSource(train, test)


@cache
def _read(spec: Cifar10Spec, root: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    from torchvision.datasets import CIFAR10, CIFAR100

    made = []
    for is_train, count in ((True, spec.train_size), (False, spec.test_size)):
        try:
            opened = (CIFAR10 if spec.kind == "cifar10" else CIFAR100)(root, is_train)
        except RuntimeError:
            raise SpecError(f"{root}: files of {spec.kind} are missing or are not those that were published") from None
        pixels = torch.from_numpy(opened.data[:count]).permute(0, 3, 1, 2).float() / 255
        made.append((pixels, torch.tensor(opened.targets[:count])))
    mean, std = made[0][0].mean((0, 2, 3)), made[0][0].std((0, 2, 3))
    return [((x - mean[:, None, None]) / std[:, None, None], y) for x, y in made]
