"""Digits of scikit-learn's as picture files: a folder a class as ImageNet is laid out, tar files, Parquet."""

import io
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = 3
SIDES = (24, 32)  # of pictures, in turn; they are not square


@cache
def digit_files(count: int, classes: int = CLASSES) -> list[tuple[int, str, bytes]]:
    """Label, suffix and content of so many picture files, JPEG and PNG, of digits below `classes`, in turn."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    noise = np.random.RandomState(0)
    made = []
    for i in range(count):
        label = i % classes
        of_class = np.flatnonzero(bunch.target == label)
        ink = bunch.images[of_class[i // classes % len(of_class)]] / 16 * 220
        colour = noise.uniform(0.4, 1.0, 3)
        pixels = (ink[:, :, None] * colour + noise.uniform(0, 30, (8, 8, 3))).astype(np.uint8)
        side = SIDES[i % len(SIDES)]
        picture = Image.fromarray(pixels).resize((side + 6, side), Image.Resampling.BICUBIC)
        suffix = ".png" if i % 5 == 0 else ".JPEG"
        file = io.BytesIO()
        picture.save(file, "png" if suffix == ".png" else "jpeg")
        made.append((label, suffix, file.getvalue()))
    return made


def write_folder(root: Path, train: int = 40, test: int = 12, classes: int = CLASSES) -> Path:
    """`root/digits/train/<class>/*` and `root/digits/val/<class>/*`; the root is given back."""
    files = digit_files(train + test, classes)
    for split, rows in (("train", files[:train]), ("val", files[train:])):
        for i, (label, suffix, content) in enumerate(rows):
            path = root / "digits" / split / f"n{label:03}" / f"picture_{i:04}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root


def write_tars(root: Path, train: int = 40, test: int = 12) -> Path:
    """The same as `root/digits/train.tar`, with folders for classes, and `root/digits/val/<class>.tar`."""
    write_folder(root / "plain", train, test)
    plain, base = root / "plain" / "digits", root / "digits"
    (base / "val").mkdir(parents=True)
    with tarfile.open(base / "train.tar", "w") as tar:
        for folder in sorted((plain / "train").iterdir()):
            tar.add(folder, folder.name)
    for folder in (plain / "val").iterdir():
        with tarfile.open(base / "val" / f"{folder.name}.tar", "w") as tar:
            for file in sorted(folder.iterdir()):
                tar.add(file, file.name)
    return root


def write_shards(root: Path, train: int = 40, test: int = 12) -> Path:
    """The same as WebDataset's shards: `root/digits/digits-train-0.tar` and so on, two a split."""
    files = digit_files(train + test)
    (root / "digits").mkdir(parents=True)
    for split, rows in (("train", files[:train]), ("val", files[train:])):
        for shard in range(2):
            with tarfile.open(root / "digits" / f"digits-{split}-{shard}.tar", "w") as tar:
                for i, (label, suffix, content) in list(enumerate(rows))[shard::2]:
                    _add(tar, f"{i:04}{suffix.lower()}", content)
                    _add(tar, f"{i:04}.cls", str(label).encode())
    return root


def write_stored(root: Path, train: int = 40, test: int = 12) -> Path:
    """The same as a Hugging Face data set in Parquet files: `root/digits/data/train-*.parquet` and `validation-*`."""
    import datasets

    features = {"image": datasets.Image(), "label": datasets.ClassLabel(CLASSES)}
    files = digit_files(train + test)
    for split, rows in (("train", files[:train]), ("validation", files[train:])):
        pictures = [{"bytes": content, "path": f"{i:04}{suffix}"} for i, (_, suffix, content) in enumerate(rows)]
        columns = {"image": pictures, "label": [label for label, _, _ in rows]}
        made = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
        (root / "digits" / "data").mkdir(parents=True, exist_ok=True)
        made.to_parquet(root / "digits" / "data" / f"{split}-00000-of-00001.parquet")
    return root


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def folder_data(**changes: Any) -> dict[str, Any]:
    """A spec of these pictures, as plain data."""
    return {
        "kind": "folder", "name": "digits", "img_size": 16, "num_classes": CLASSES, "train_size": 40, "test_size": 12,
    } | changes  # fmt: skip
