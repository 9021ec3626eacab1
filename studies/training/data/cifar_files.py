"""CIFAR's files as they are distributed for Python: read, checked and told apart. No torch here.

The files hold pickled dictionaries; they are read without running what a pickle can run.
"""

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from searchspace.expand import SpecError
from studies.training.data.root import FOLDERS
from studies.trials.data import Cifar10Spec

SIDE, CHANNELS = 32, 3
Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Layout:
    """Files of a data set in its folder, and where labels stand in them."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: bytes


LAYOUTS = {
    "cifar10": Layout(tuple(f"data_batch_{i}" for i in range(1, 6)), ("test_batch",), b"labels"),
    "cifar100": Layout(("train",), ("test",), b"fine_labels"),
}


def layout(kind: str) -> str:
    """What a folder of data sets must hold for one of them, as words for the user."""
    files = LAYOUTS[kind]
    return f"{FOLDERS[kind]}/ with the files {', '.join((*files.train, *files.test))}"


@dataclass(frozen=True)
class Found:
    """What the files of a data set hold.

    Attributes:
        train: pictures (n, 3, 32, 32) uint8 and labels (n,) int64.
        test: likewise.
        fingerprint: of both splits, 16 hexadecimal digits.
    """

    train: Split
    test: Split
    fingerprint: str


def read(spec: Cifar10Spec, root: Path) -> Found:
    """The first `train_size` and `test_size` pictures of the files below a root folder.

    Files in the same format with other pictures are read as well; `is_published` tells them apart, and so does the
    fingerprint.

    Raises:
        SpecError: if a file is missing or not of the format, or there are fewer pictures.
    """
    files, folder = LAYOUTS[spec.kind], root / FOLDERS[spec.kind]
    splits = []
    for field, names, size in (("train_size", files.train, spec.train_size), ("test_size", files.test, spec.test_size)):
        x, y = zip(*(_file(folder / name, spec.kind, spec.num_classes) for name in names), strict=True)
        there = sum(map(len, y))
        if size > there:
            raise SpecError(
                f"data.{field} is {size} and {folder} has {there} pictures of that split; data.{field}={there} or less "
                "would work",
                f"data.{field}",
            )
        splits.append((np.concatenate(x)[:size], np.concatenate(y)[:size]))
    digest = hashlib.blake2b(repr([x.shape for x, _ in splits]).encode(), digest_size=8)
    for split in splits:
        for part in split:
            digest.update(np.ascontiguousarray(part).data)
    return Found(splits[0], splits[1], digest.hexdigest())


def is_published(kind: str, root: str | Path) -> bool:
    """Whether the files of `cifar10` or `cifar100` below a root folder are those that were published, by MD5."""
    from torchvision.datasets import CIFAR10, CIFAR100
    from torchvision.datasets.utils import check_integrity

    known = CIFAR10 if kind == "cifar10" else CIFAR100
    folder = Path(root, FOLDERS[kind])
    return all(check_integrity(str(folder / name), md5) for name, md5 in (*known.train_list, *known.test_list))


def _file(path: Path, kind: str, num_classes: int) -> Split:
    """Pictures (n, 3, 32, 32) uint8 and labels (n,) int64 of one file."""
    expected = f"expected is {layout(kind)}, as the data set is distributed for Python"
    try:
        content = _Unpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror or error}; {expected}") from None
    except Exception as error:  # a pickle that is cut off or made up can raise anything
        raise SpecError(f"{path}: cannot be read ({type(error).__name__}: {error}); {expected}") from None
    wrong = _wrong(content, LAYOUTS[kind].labels, num_classes)
    if wrong:
        raise SpecError(f"{path}: {wrong}; {expected}")
    labels = np.array(content[LAYOUTS[kind].labels], dtype=np.int64)
    return content[b"data"].reshape(-1, CHANNELS, SIDE, SIDE), labels


def _wrong(content: Any, key: bytes, num_classes: int) -> str:
    """What in a file's content is not as it should be; "" if all is."""
    if not isinstance(content, dict) or not {b"data", key} <= content.keys():
        return f"no dictionary with the keys data and {key.decode()}"
    data, labels = content[b"data"], content[key]
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(data), CHANNELS * SIDE**2):
        got = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        return f"data must be bytes of shape (pictures, {CHANNELS * SIDE**2}), got {got}"
    if not isinstance(labels, list) or len(labels) != len(data):
        return f"there must be a label for each of {len(data)} pictures"
    outside = [label for label in labels if type(label) is not int or not 0 <= label < num_classes]
    return f"labels must be whole numbers from 0 to {num_classes - 1}, got {outside[0]!r}" if outside else ""


class _Unpickler(pickle.Unpickler):
    """Gives arrays, text, numbers, lists and dictionaries, and refuses all else that a pickle can make or run."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(1).__reduce__()[0]
        if (module, name) == ("numpy._core.numeric", "_frombuffer"):
            return np.empty(1).__reduce_ex__(5)[0]
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if (module, name) == ("_codecs", "encode"):
            return _latin1
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in data")


def _latin1(text: str, encoding: str | bytes) -> bytes:
    """How bytes stand in pickles of protocol 2 that Python 3 wrote."""
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"bytes in {encoding!r} are not allowed in data")
    return text.encode("latin1")
