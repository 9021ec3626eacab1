"""From a data spec to its source: the one place that knows all kinds."""

import torch

from studies.training.data.cifar import open_cifar
from studies.training.data.digits import open_digits
from studies.training.data.root import data_root
from studies.training.data.source import Source
from studies.trials.data import Cifar10Spec, DataSpec, DigitsSpec


def open_data(spec: DataSpec, device: torch.device) -> Source:
    """The source of a data spec on a device; its files, if it has any, are below $STUDIES_DATA.

    Raises:
        SpecError: if the files are not there.
    """
    if isinstance(spec, DigitsSpec):
        return open_digits(spec, device)
    if isinstance(spec, Cifar10Spec):
        return open_cifar(spec, data_root(), device)
    raise NotImplementedError(spec.kind)
