"""Look at a data set: count it, read some or all of it, and say what is wrong."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import torch

from searchspace.expand import SpecError
from studies.training.data.cifar import open_cifar
from studies.training.data.cifar_files import is_published
from studies.training.data.layouts import needs_files
from studies.training.data.readers import Reader, UnreadableError
from studies.training.data.source import subset
from studies.training.data.splits import find_splits, problems
from studies.trials.data import Cifar10Spec, DataSpec, FolderSpec

SAMPLE = 300  # pictures of each split that are read

Size = tuple[int, int]  # width and height in pixels


@dataclass(frozen=True)
class SplitReport:
    """What was found of a split.

    Attributes:
        pictures: that there are.
        classes: that there are; none: not known.
        read: pictures that were read.
        smallest: width and height of the picture with the fewest pixels of those; none: none could be read.
        largest: of that with the most.
        corrupt: names of those that could not be read.
    """

    split: str
    pictures: int
    classes: int | None
    read: int = 0
    smallest: Size | None = None
    largest: Size | None = None
    corrupt: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataReport:
    """What was found of a data set.

    Attributes:
        data: its kind, or its name.
        root: the folder of data sets.
        splits: for training, and for accuracies.
        fingerprint: as it stands in results.
        published: whether the files are those that were published; none: nobody has published digests of them.
        problems: what is wrong, a line each; none: nothing.
    """

    data: str
    root: str | None
    splits: tuple[SplitReport, ...] = ()
    fingerprint: str = ""
    published: bool | None = None
    problems: tuple[str, ...] = field(default=())


def inspect(spec: DataSpec, root: str | None, everything: bool = False) -> DataReport:
    """Count the pictures and classes of a data set, and read a sample, the same each time, or all of it."""
    data = getattr(spec, "name", spec.kind)
    try:
        if isinstance(spec, FolderSpec):
            return _files(spec, root, everything)
        if isinstance(spec, Cifar10Spec):
            return _cifar(spec, root)
    except SpecError as error:
        if root is None and needs_files(spec):
            raise  # nothing was looked at
        return DataReport(data, root, problems=(str(error),))
    return DataReport(data, root)


def _files(spec: FolderSpec, root: str | None, everything: bool) -> DataReport:
    found = find_splits(spec, root)
    reports = tuple(
        _split(name, reader, spec.num_classes, None if everything else SAMPLE)
        for name, reader in ((spec.train_split, found.train), (spec.test_split, found.test))
    )
    wrong = problems(spec, found)
    for report in reports:
        if report.corrupt:
            more = f" and {len(report.corrupt) - 3} more" if len(report.corrupt) > 3 else ""
            wrong.append(
                f"split {report.split}: {len(report.corrupt)} of {report.read} pictures read are corrupt: "
                f"{', '.join(report.corrupt[:3])}{more}"
            )
    return DataReport(spec.name, root, reports, found.fingerprint, problems=tuple(wrong))


def _split(name: str, reader: Reader, num_classes: int, limit: int | None) -> SplitReport:
    chosen = range(len(reader)) if limit is None else subset(len(reader), limit).tolist()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # to decode a picture needs no interpreter
        found = list(pool.map(partial(_look, reader, num_classes), chosen, chunksize=64))
    sizes = sorted((size for _, size in found if size), key=lambda size: size[0] * size[1])
    corrupt = tuple(text for text, _ in found if text)
    smallest, largest = (sizes[0], sizes[-1]) if sizes else (None, None)
    return SplitReport(name, len(reader), reader.classes, len(found), smallest, largest, corrupt)


def _look(reader: Reader, num_classes: int, index: int) -> tuple[str, Size | None]:
    """What is wrong with a picture, "" if nothing is, and its size."""
    try:
        picture, label = reader[index]
    except UnreadableError as error:
        return f"{reader.name(index)} ({error})", None
    if not 0 <= label < num_classes:
        return f"{reader.name(index)} (label {label})", picture.size
    return "", picture.size


def _cifar(spec: Cifar10Spec, root: str | None) -> DataReport:
    """CIFAR is small: opening it reads every byte."""
    source = open_cifar(spec, root, torch.device("cpu"))
    size = (32, 32)
    reports = tuple(
        SplitReport(name, len(split), len(split.y.unique()), len(split), size, size)
        for name, split in (("train", source.train), ("test", source.test))
    )
    return DataReport(spec.kind, root, reports, source.fingerprint, is_published(spec.kind, root or ""))
