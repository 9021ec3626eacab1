"""From a spec of pictures in files to its two splits, opened and checked. torch only where timm opens the data."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec as find_package
from pathlib import Path
from typing import Any

from searchspace.expand import SpecError
from studies.training.data.layouts import VARIABLE, base_folder, expected, library, needs_files, shards, tars
from studies.training.data.listing import listed
from studies.training.data.readers import FileReader, Reader, StoredReader, TorchvisionReader
from studies.trials.data import FolderSpec, TimmDataSpec


@dataclass(frozen=True)
class Splits:
    """The pictures of a data set: for training, and those that accuracies are over."""

    train: Reader
    test: Reader

    @property
    def fingerprint(self) -> str:
        """Of the names and sizes of all files of both splits: 16 hexadecimal digits. No content is read."""
        made = hashlib.sha256()
        for split, reader in (("train", self.train), ("test", self.test)):
            for name, size in reader.entries():
                made.update(f"{split}/{name}\0{size}\n".encode(errors="surrogateescape"))
        return made.hexdigest()[:16]


def open_splits(spec: FolderSpec, root: str | None) -> Splits:
    """Both splits, with the number of classes and the pictures that the spec asks for.

    Raises:
        SpecError: if they are not there, or not what the spec says: the message says what was expected and found.
    """
    found = find_splits(spec, root)
    for problem in problems(spec, found):
        raise SpecError(problem)
    return found


def find_splits(spec: FolderSpec, root: str | None) -> Splits:
    """Both splits, whatever they hold.

    Raises:
        SpecError: if they are not there.
    """
    if root is None and needs_files(spec):
        raise SpecError(
            f"{spec.name} is read from files: name the folder that holds {expected(spec)}, with --data or ${VARIABLE}"
        )
    folder = Path(root or "")
    if isinstance(spec, TimmDataSpec):
        return _of_timm(spec, folder, root)
    base = base_folder(spec, folder)
    train, test = (listed(base / split) for split in (spec.train_split, spec.test_split))
    for listing in (train, test):
        if not len(listing):
            raise SpecError(f"{listing.folder} has no pictures in folders: expected {expected(spec)}")
    if train.empty:
        raise SpecError(f"{train.folder / train.empty[0]} has no pictures: each folder there is a class")
    if strange := [name for name in test.classes if name not in train.classes]:
        raise SpecError(f"{test.folder / strange[0]}: there is no such class in {train.folder}")
    return Splits(FileReader(train), FileReader(test.numbered(train.classes)))


def _of_timm(spec: TimmDataSpec, folder: Path, root: str | None) -> Splits:
    """What timm opens, or lists."""
    kind = library(spec)
    if kind in ("tfds", "hfids"):
        raise SpecError(
            f"{spec.name}: timm reads {kind} as a stream, whose order a seed does not give; hfds/NAME (Hugging Face), "
            "wds/NAME (WebDataset's shards), torch/NAME (torchvision) and NAME (tar files) would work"
        )
    if kind in ("hfds", "torch"):
        reader: Any = StoredReader if kind == "hfds" else TorchvisionReader
        return Splits(*(reader(_created(spec, split, root)) for split in (spec.train_split, spec.test_split)))
    from studies.training.data.shards import read_shards, read_tars

    base = base_folder(spec, folder)
    if kind == "wds":
        return Splits(*(read_shards(shards(base, split)) for split in (spec.train_split, spec.test_split)))
    train, test = (tars(base, split) for split in (spec.train_split, spec.test_split))
    assert train and test
    pictures, classes = read_tars(train)
    return Splits(pictures, read_tars(test, classes)[0])


def _created(spec: TimmDataSpec, split: str, root: str | None) -> Any:
    """A data set that timm's `create_dataset` opens by number."""
    if library(spec) == "hfds" and find_package("datasets") is None:
        raise SpecError(f"{spec.name} is opened by a package that is not installed: pip install datasets")
    if spec.name.lower() in ("torch/image_folder", "torch/folder"):  # where a split is missing, timm takes all there is
        raise SpecError(f"{spec.name}: for a folder a class use kind: folder, and the data set's name")
    from timm.data import create_dataset

    try:
        opened = create_dataset(spec.name, root=root, split=split)
    except Exception as error:  # libraries raise whatever they like for a name, a split or a file that is not there
        text = " ".join(str(error).split())[:300]
        raise SpecError(f"timm cannot open {spec.name}, split {split}: {type(error).__name__}: {text}") from None
    return opened.reader if library(spec) == "hfds" else opened


def problems(spec: FolderSpec, found: Splits) -> list[str]:
    """How the splits are not what a spec says, each with the field that would make it work."""
    said = []
    if found.train.classes not in (None, spec.num_classes):
        said.append(
            f"{spec.name} has {found.train.classes} classes, and data.num_classes is {spec.num_classes}; "
            f"data.num_classes: {found.train.classes} would work"
        )
    if (found.test.classes or 0) > spec.num_classes:
        said.append(f"split {spec.test_split} of {spec.name} has labels up to {(found.test.classes or 0) - 1}")
    for field, split, reader in (
        ("train_size", spec.train_split, found.train),
        ("test_size", spec.test_split, found.test),
    ):
        there, asked = len(reader), getattr(spec, field)
        if asked > there:
            said.append(
                f"split {split} of {spec.name} has {there:,} pictures, and data.{field} is {asked:,}; "
                f"data.{field}: {there} or less would work"
            )
    return said
