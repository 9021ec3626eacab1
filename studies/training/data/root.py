"""Where data sets lie that are read from files, and whether what is needed is there. No torch here."""

import os
from pathlib import Path

from searchspace.expand import SpecError
from studies.training.data.layouts import FOLDERS, VARIABLE, expected
from studies.trials.data import Cifar10Spec, DataSpec, FolderSpec


def data_root(named: str | None = None) -> str | None:
    """The folder of data sets: the one that is named, else $STUDIES_DATA. Absolute: Ray's workers begin elsewhere."""
    found = named or os.environ.get(VARIABLE)
    return os.path.abspath(os.path.expanduser(found)) if found else None


def require_data(spec: DataSpec, named: str | None = None) -> None:
    """Refuse to begin without the files that a data spec needs.

    Raises:
        SpecError: if no folder is named, or it has not what is needed; the message shows what was expected.
    """
    root = data_root(named)
    if isinstance(spec, FolderSpec):
        from studies.training.data.splits import open_splits

        open_splits(spec, root)
    if spec.kind not in FOLDERS:
        return
    if root is None:
        raise SpecError(
            f"{spec.kind} is read from files: name the folder that holds {expected(spec)}, with --data or ${VARIABLE}"
        )
    if not Path(root, FOLDERS[spec.kind]).is_dir():
        raise SpecError(f"{root} has no {expected(spec)} (--data, ${VARIABLE}; --download fetches them)")
    if isinstance(spec, Cifar10Spec):
        from studies.training.data.cifar_files import read

        read(spec, Path(root))  # every byte is looked at: half a second
