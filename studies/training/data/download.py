"""Fetch data sets that torchvision can fetch. No torch before it is asked."""

from pathlib import Path

from searchspace.expand import SpecError
from studies.training.data.layouts import FOLDERS, VARIABLE, needs_files
from studies.trials.data import DataSpec


def download(spec: DataSpec, root: str | None) -> None:
    """Fetch the files of a data set into the folder of data sets, unless they are there.

    Raises:
        SpecError: if it must be had by hand, no folder is named, or it cannot be fetched.
    """
    if not needs_files(spec):
        return
    if spec.kind not in FOLDERS:
        raise SpecError(f"--download fetches {' and '.join(FOLDERS)}, not {getattr(spec, 'name', spec.kind)}")
    if root is None:
        raise SpecError(f"--download: name the folder that {spec.kind} is to lie in with --data or ${VARIABLE}")
    if Path(root, FOLDERS[spec.kind]).is_dir():
        return
    from torchvision.datasets import CIFAR10, CIFAR100

    known = CIFAR10 if spec.kind == "cifar10" else CIFAR100
    try:
        known(root, download=True)
    except (OSError, RuntimeError) as error:  # no network, no space; not the file that was published
        text = " ".join(str(error).split())
        raise SpecError(f"--download: {spec.kind} cannot be fetched from {known.url} into {root}: {text}") from None
