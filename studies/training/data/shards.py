"""Pictures in tar files: WebDataset's shards, and tar files with a folder or a tar file for each class.

A shard has files `key.jpg` (or .jpeg, .png, .webp) and `key.cls`, a class's number as text. timm reads shards as a
stream, whose order depends on the number of processes; here their members are listed once and read in any order.
Source: https://github.com/webdataset/webdataset; the layout of timm's own shards.
"""

import os
import tarfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from searchspace.expand import SpecError
from studies.training.data.listing import SUFFIXES
from studies.training.data.readers import TarReader


@lru_cache(maxsize=8)
def read_shards(shards: tuple[Path, ...]) -> TarReader:
    """The pictures of shards, in order.

    Raises:
        SpecError: if one is no whole, uncompressed tar file, or a picture has no class.
    """
    names, places, labels = [], [], []
    for i, shard in enumerate(shards):
        for key, picture, label in _samples(shard):
            names.append(os.fsencode(key))
            places.append((i, *picture))
            labels.append(label)
    most = max(labels, default=-1)
    return TarReader(
        list(shards),
        np.array(names, dtype=np.bytes_),
        np.array(places, dtype=np.int64).reshape(-1, 3),
        np.array(labels, dtype=np.int64),
        most + 1,
    )


def _samples(shard: Path) -> list[tuple[str, tuple[int, int], int]]:
    """Name, place and label of each picture of a shard."""
    pictures: dict[str, tuple[str, tuple[int, int]]] = {}
    labels: dict[str, int] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                folder, base = os.path.split(member.name)
                stem, _, suffix = base.partition(".")  # all after the first dot, as WebDataset splits names
                key = os.path.join(folder, stem)
                if not member.isfile():
                    continue
                if suffix == "cls":
                    file = tar.extractfile(member)
                    labels[key] = _label(file.read() if file else b"", f"{shard}: {member.name}")
                elif f".{suffix.lower()}" in SUFFIXES:
                    pictures[key] = member.name, (member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SpecError(f"{shard}: cannot be read as an uncompressed tar file: {error}") from None
    for key in pictures:
        if key not in labels:
            raise SpecError(f"{shard}: {pictures[key][0]} has no {key}.cls beside it, which would hold its class")
    return [(name, place, labels[key]) for key, (name, place) in pictures.items()]


def _label(content: bytes, name: str) -> int:
    if not content.strip().isdigit():
        raise SpecError(f"{name}: the number of a class is expected, from 0 on, got {content[:20]!r}")
    return int(content)


@lru_cache(maxsize=8)
def read_tars(path: Path, classes: tuple[str, ...] = ()) -> tuple[TarReader, tuple[str, ...]]:
    """The pictures of a tar file, of tar files in it, or of those in a folder; timm lists them and numbers the classes.

    Args:
        path: of the tar file, or of a folder of them.
        classes: whose numbers are their places here; none: all that there are.

    Returns:
        The pictures, and the names of the classes in order.

    Raises:
        SpecError: if it cannot be read.
    """
    from timm.data.readers.reader_image_in_tar import ReaderImageInTar

    given = {name: i for i, name in enumerate(classes)}
    try:
        listed = ReaderImageInTar(str(path), class_map=given or "", cache_tarfiles=False)
    except (tarfile.TarError, OSError, EOFError, ValueError, AssertionError) as error:
        raise SpecError(f"{path}: cannot be read as tar files of pictures: {error}") from None
    tars: dict[Path, int] = {}
    names, places = [], []
    for member, parent, child in listed.samples:
        tar = path / parent if parent else path
        # A tar file in a tar file: its members are counted from its own first byte.
        first = member.offset_data + (child.offset_data if child else 0)
        names.append(os.fsencode(os.path.join(child.name, member.name) if child else member.name))
        places.append((tars.setdefault(tar, len(tars)), first, member.size))
    labels = np.array(listed.targets, dtype=np.int64)
    found = tuple(sorted(listed.class_name_to_idx, key=listed.class_name_to_idx.__getitem__))
    reader = TarReader(
        list(tars), np.array(names, dtype=np.bytes_), np.array(places, dtype=np.int64), labels, len(found)
    )
    return reader, found
