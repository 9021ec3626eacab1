"""Readers: the pictures of a split by number, from files, from tar files, or from what timm or torchvision opens."""

import errno
import io
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from studies.training.data.listing import Listing

UNREADABLE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO, errno.EISDIR, errno.ENOTDIR)  # this file, not all

warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of odd metadata, once a worker


class UnreadableError(Exception):
    """A picture that cannot be read: a truncated file, or none of a picture."""


class Reader(Protocol):
    """The pictures of a split. Reading leaves no state, so that processes may share a reader.

    Attributes:
        classes: how many there are; none: not known before all is read.
    """

    classes: int | None

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        """A picture, RGB, and its label.

        Raises:
            UnreadableError: if that picture cannot be read.
            OSError: if no picture could be: too many open files, say.
        """

    def name(self, index: int) -> str:
        """What users know a picture by."""

    def entries(self) -> Iterable[tuple[str, int]]:
        """What the fingerprint is of: names and sizes."""


def decoded(content: bytes) -> Image.Image:
    """A picture from a file's content, RGB.

    Raises:
        UnreadableError: if the content is not that of a whole picture.
    """
    try:
        return Image.open(io.BytesIO(content)).convert("RGB")
    except UnidentifiedImageError:  # its text has the address of an object
        raise UnreadableError("of no known format") from None
    except Exception as error:  # decoders of broken content raise whatever they meet; nothing else can go wrong here
        text = " ".join(str(error).split())
        raise UnreadableError(text if isinstance(error, OSError) else f"{type(error).__name__}: {text}") from None


class FileReader:
    """Pictures in files."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.classes: int | None = len(listing.classes)

    def __len__(self) -> int:
        return len(self.listing)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        """A picture and its label."""
        return decoded(_content(self.listing.folder / self.name(index))), int(self.listing.labels[index])

    def name(self, index: int) -> str:
        """Path below the split's folder."""
        return os.fsdecode(bytes(self.listing.names[index]))

    def entries(self) -> Iterable[tuple[str, int]]:
        """Names and sizes of the files."""
        return zip(map(os.fsdecode, self.listing.names.tolist()), self.listing.sizes.tolist(), strict=True)


class TarReader:
    """Pictures in uncompressed tar files, each read at its place: no tar file is kept open.

    Args:
        tars: the tar files.
        names: of the pictures (n,) bytes.
        places: of each picture: which tar file, first byte, size (n, 3) int64.
        labels: (n,) int64.
        classes: how many there are; none: not known.
    """

    def __init__(
        self, tars: list[Path], names: np.ndarray, places: np.ndarray, labels: np.ndarray, classes: int | None
    ) -> None:
        self.tars, self.names, self.places, self.labels, self.classes = tars, names, places, labels, classes

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        """A picture and its label."""
        tar, first, size = self.places[index].tolist()
        return decoded(_content(self.tars[tar], first, size)), int(self.labels[index])

    def name(self, index: int) -> str:
        """Tar file and path in it."""
        return f"{self.tars[int(self.places[index, 0])].name}/{os.fsdecode(bytes(self.names[index]))}"

    def entries(self) -> Iterable[tuple[str, int]]:
        """Names and sizes of the pictures."""
        return ((self.name(i), int(self.places[i, 2])) for i in range(len(self)))


class StoredReader:
    """Pictures of a Hugging Face data set that timm has opened."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.classes: int | None = len(reader.class_to_idx) or None

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        """A picture and its label."""
        file, label = self.reader[index]
        return decoded(file.read()), int(label)

    def name(self, index: int) -> str:
        """Its number and, where the data set keeps it, its path."""
        return f"{self.reader.split} {index} {self.reader.filename(index) or ''}".strip()

    def entries(self) -> Iterable[tuple[str, int]]:
        """Pictures and bytes of the split, as the data set itself says."""
        info = self.reader.split_info
        return [("pictures", len(self)), ("bytes", int(getattr(info, "num_bytes", None) or 0))]


class TorchvisionReader:
    """Pictures of a data set of torchvision's."""

    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.classes: int | None = len(opened.classes) if hasattr(opened, "classes") else None

    def __len__(self) -> int:
        return len(self.opened)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        """A picture and its label."""
        try:
            picture, label = self.opened[index]
            return picture.convert("RGB"), int(label)
        except (OSError, SyntaxError, ValueError) as error:
            raise UnreadableError(f"{type(error).__name__}: {error}") from None

    def name(self, index: int) -> str:
        """Its path, where it has one, or its number."""
        samples = getattr(self.opened, "samples", None)
        return str(samples[index][0]) if samples else f"picture {index}"

    def entries(self) -> Iterable[tuple[str, int]]:
        """Names and sizes of the files where there is one a picture, else the labels in order."""
        if samples := getattr(self.opened, "samples", None):
            return ((Path(path).name, os.path.getsize(path)) for path, _ in samples)
        return ((str(i), int(label)) for i, label in enumerate(getattr(self.opened, "targets", ())))


def _content(path: Path, first: int = 0, size: int = -1) -> bytes:
    """Bytes of a file."""
    try:
        with open(path, "rb") as file:
            file.seek(first)
            return file.read(size)
    except OSError as error:
        if error.errno in UNREADABLE:
            raise UnreadableError(error.strerror) from None
        raise
