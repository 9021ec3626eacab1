"""Where data sets lie that are read from files. No torch here."""

import os
from pathlib import Path

from searchspace.expand import SpecError
from studies.trials.data import DataSpec

VARIABLE = "STUDIES_DATA"  # of the environment: the folder of data sets
FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}


def data_root(named: str | None = None) -> str | None:
    """The folder of data sets: the one that is named, else $STUDIES_DATA."""
    return named or os.environ.get(VARIABLE)


def require_data(spec: DataSpec, named: str | None = None) -> None:
    """Refuse to begin without the files that a data spec needs.

    Raises:
        SpecError: if no folder is named, or it has not what is needed.
    """
    if spec.kind not in FOLDERS:
        return
    root, folder = data_root(named), FOLDERS[spec.kind]
    if root is None:
        raise SpecError(
            f"{spec.kind} is read from files: name the folder that holds {folder}/ with --data or ${VARIABLE}"
        )
    if not Path(root, folder).is_dir():
        raise SpecError(
            f"{root} has no folder {folder}/ with the files of {spec.kind} as published (--data, ${VARIABLE})"
        )
