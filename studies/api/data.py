"""Look whether a data set is as it should be."""

from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.expand import SpecError, nearest
from studies.language.scale_file import load_scale, names
from studies.training.data.download import download as fetch
from studies.training.data.layouts import FOLDERS
from studies.training.data.root import data_root
from studies.trials.data import Cifar10Spec, Cifar100Spec, DataSpec
from studies.trials.scale import Scale

if TYPE_CHECKING:
    from studies.training.data.inspection import DataReport

WITHOUT_SCALE: dict[str, DataSpec] = {
    "cifar10": Cifar10Spec(kind="cifar10"),
    "cifar100": Cifar100Spec(kind="cifar100"),
}


def data_check(
    what: str | Path | Scale,
    *,
    data_dir: str | Path | None = None,
    everything: bool = False,
    download: bool = False,
) -> "DataReport":
    """Count the classes and pictures of a data set and read a sample, as `studies data check` does.

    Args:
        what: a scale, whose data it is, its name or path; or cifar10 or cifar100.
        data_dir: folder of data sets; default: $STUDIES_DATA.
        everything: read every picture.
        download: fetch it first if it is not there, where torchvision can.

    Returns:
        What was found; `problems` says what is wrong.

    Raises:
        SpecError: if there is no such scale, no folder is named, or it cannot be fetched.
    """
    spec, root = _spec(what), data_root(None if data_dir is None else str(data_dir))
    if download:
        fetch(spec, root)
    from studies.training.data.inspection import inspect

    return inspect(spec, root, everything)


def _spec(what: str | Path | Scale) -> DataSpec:
    if isinstance(what, Scale):
        return what.data
    name = str(what)
    if name in names() or name.endswith((".yaml", ".yml")):
        return load_scale(name).data
    if name in WITHOUT_SCALE:
        return WITHOUT_SCALE[name]
    known = sorted({*names(), *FOLDERS})
    raise SpecError(f"no scale and no data set {name!r}{nearest(name, known)}; a file of yours is named with its .yaml")
