"""The picture files below a folder with a folder for each class, as ImageNet is laid out. No torch here."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from searchspace.expand import SpecError

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")  # torchvision's
THREADS = 16  # that list folders: on a network's file system each answer takes its time


@dataclass(frozen=True, eq=False)
class Listing:
    """Picture files of a split, in order of class and name. Arrays, so that data workers share them unchanged.

    Attributes:
        folder: that holds a folder for each class.
        classes: names of the folders, sorted; a class's number is its place here, as torchvision and timm have it.
        names: of the files, relative to the folder (n,) bytes.
        labels: numbers of their classes (n,) int64.
        sizes: of the files, in bytes (n,) int64.
    """

    folder: Path
    classes: tuple[str, ...]
    names: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def empty(self) -> list[str]:
        """Classes that have no pictures."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return [name for name, count in zip(self.classes, counts, strict=True) if not count]

    def numbered(self, classes: tuple[str, ...]) -> "Listing":
        """The same pictures, with the numbers that their classes have among these."""
        places = {name: i for i, name in enumerate(classes)}
        numbers = np.array([places[name] for name in self.classes], dtype=np.int64)
        return replace(self, classes=classes, labels=numbers[self.labels])


@lru_cache(maxsize=8)
def listed(folder: Path) -> Listing:
    """All picture files of a split; a process lists a folder once.

    Hidden files and folders, whose names begin with a dot, are passed over.

    Raises:
        SpecError: if the folder, or one below it, cannot be read.
    """
    try:
        classes = sorted(name for name, is_folder, _ in _entries(folder) if is_folder)
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(lambda name: list(_pictures(folder / name, f"{name}/")), classes))
    except OSError as error:
        raise SpecError(f"{error.filename or folder}: cannot be read: {error.strerror or error}") from None
    files = [file for of_class in found for file in of_class]
    labels = np.repeat(np.arange(len(classes)), [len(of_class) for of_class in found])
    return Listing(
        folder,
        tuple(classes),
        np.array([os.fsencode(name) for name, _ in files], dtype=np.bytes_),
        labels.astype(np.int64),
        np.array([size for _, size in files], dtype=np.int64),
    )


def _pictures(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    """Relative name and size of every picture below a folder, in order of names."""
    for name, is_folder, entry in _entries(folder):
        if is_folder:
            yield from _pictures(folder / name, f"{prefix}{name}/")
        elif name.lower().endswith(SUFFIXES):
            try:
                size = entry.stat().st_size
            except FileNotFoundError:  # a link that leads nowhere: the picture cannot be read, and is counted as such
                size = 0
            yield prefix + name, size


def _entries(folder: Path) -> list[tuple[str, bool, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        return sorted((e.name, e.is_dir(), e) for e in entries if not e.name.startswith("."))
