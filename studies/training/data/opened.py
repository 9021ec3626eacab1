"""From a data spec to its source: the one place that knows all kinds."""

import torch

from studies.training.data.access import DataAccess
from studies.training.data.cifar import open_cifar
from studies.training.data.digits import open_digits
from studies.training.data.folder import open_folder
from studies.training.data.root import data_root
from studies.training.data.source import Source
from studies.trials.data import Cifar10Spec, DataSpec, DigitsSpec


def open_data(spec: DataSpec, device: torch.device, access: DataAccess | None = None) -> Source:
    """The source of a data spec on a device; its files, if it has any, are where `access` or $STUDIES_DATA says.

    Raises:
        SpecError: if the files are not there, or not what the spec says.
    """
    access = access or DataAccess()
    if isinstance(spec, DigitsSpec):
        return open_digits(spec, device, access.workers)
    if isinstance(spec, Cifar10Spec):
        return open_cifar(spec, data_root(access.root), device, access.workers)
    return open_folder(spec, access, device)
