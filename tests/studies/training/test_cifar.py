import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import coloured_digits, write_cifar

from searchspace.expand import SpecError
from studies.training.data.cifar import open_cifar
from studies.training.data.cifar_files import is_published
from studies.training.data.source import TensorSource
from studies.trials.data import Cifar10Spec, Cifar100Spec

CPU = torch.device("cpu")
TEN = Cifar10Spec(kind="cifar10", train_size=100, test_size=40)


def opened(root: Path, **changes: Any) -> TensorSource:
    return open_cifar(TEN.model_copy(update=changes), str(root), CPU)


def test_the_pictures_and_labels_of_the_files_are_read_in_order(tmp_path: Path) -> None:
    source = opened(write_cifar(tmp_path))
    x, y = coloured_digits(140)
    assert torch.equal(source.train.x, x[:100]) and torch.equal(source.train.y, y[:100])
    assert torch.equal(source.test.x, x[100:]) and torch.equal(source.test.y, y[100:])
    assert source.train.x.dtype == torch.uint8


def test_cifar100_has_its_fine_labels(tmp_path: Path) -> None:
    root = write_cifar(tmp_path, "cifar100")
    source = open_cifar(Cifar100Spec(kind="cifar100", train_size=100, test_size=40), str(root), CPU)
    y = coloured_digits(140)[1]
    assert torch.equal(source.train.y, 10 * y[:100] + torch.arange(100) % 10)


def test_pictures_are_normalised_by_the_training_split(tmp_path: Path) -> None:
    source = opened(write_cifar(tmp_path))
    x = source.train.x.double()
    assert source.pixels is not None
    torch.testing.assert_close(torch.tensor(source.pixels.mean).double(), x.mean((0, 2, 3)))
    torch.testing.assert_close(torch.tensor(source.pixels.std).double(), x.std((0, 2, 3)))
    made = torch.cat([pictures for pictures, _ in source.test_batches()])
    mean, std = x.mean((0, 2, 3))[:, None, None], x.std((0, 2, 3))[:, None, None]
    torch.testing.assert_close(made, ((source.test.x - mean) / std).float())


def test_pictures_of_another_side_are_resized_as_pillow_resizes_them(tmp_path: Path) -> None:
    from PIL import Image

    source = opened(write_cifar(tmp_path), img_size=48)
    assert source.pixels is not None
    made, _ = next(source.test_batches())
    pictures = [Image.fromarray(one.permute(1, 2, 0).numpy()) for one in source.test.x]
    theirs = np.stack([np.array(one.resize((48, 48), Image.Resampling.BICUBIC)) for one in pictures])
    expected = source.pixels.normalised(torch.from_numpy(theirs).permute(0, 3, 1, 2))
    assert ((made - expected).abs() * min(source.pixels.std)).max() < 1.01  # of 255


def test_fewer_pictures_than_there_are_are_the_first_ones_and_more_are_refused(tmp_path: Path) -> None:
    root = write_cifar(tmp_path)
    few, all_of_them = opened(root, train_size=30), opened(root)
    assert torch.equal(few.train.x, all_of_them.train.x[:30])
    assert few.fingerprint != all_of_them.fingerprint
    with pytest.raises(
        SpecError, match=r"data.train_size is 101 .* has 100 .*; data.train_size=100 or less would work"
    ):
        opened(root, train_size=101)
    with pytest.raises(SpecError, match=r"data.test_size=40 or less would work"):
        opened(root, test_size=10_000)


def test_a_fingerprint_is_of_the_pictures_and_labels_alone(tmp_path: Path) -> None:
    one, again, other = (tmp_path / name for name in ("one", "again", "other"))
    source, same = opened(write_cifar(one)), opened(write_cifar(again))
    assert source.fingerprint == same.fingerprint
    assert len(source.fingerprint) == 16 and int(source.fingerprint, 16)

    write_cifar(other)
    change(other, lambda content: content[b"labels"].__setitem__(0, (content[b"labels"][0] + 1) % 10))
    assert opened(other).fingerprint != source.fingerprint


def test_files_of_ones_own_are_not_taken_for_the_published_ones(tmp_path: Path) -> None:
    for kind in ("cifar10", "cifar100"):
        assert not is_published(kind, write_cifar(tmp_path, kind))


def test_files_with_the_published_digests_are_the_published_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    from torchvision.datasets import CIFAR10

    root = write_cifar(tmp_path)
    for field in ("train_list", "test_list"):
        names = [name for name, _ in getattr(CIFAR10, field)]
        digests = [hashlib.md5((root / FOLDER / n).read_bytes()).hexdigest() for n in names]
        monkeypatch.setattr(CIFAR10, field, list(zip(names, digests, strict=True)))
    assert is_published("cifar10", root)


FOLDER = "cifar-10-batches-py"
LAYOUT = f"expected is {FOLDER}/ with the files data_batch_1, data_batch_2, "


def change(root: Path, how: Callable[[dict], object], name: str = "data_batch_1") -> None:
    path = root / FOLDER / name
    content = pickle.loads(path.read_bytes(), encoding="bytes")
    how(content)
    path.write_bytes(pickle.dumps(content, protocol=2))


class Evil:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("made",)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda c: c.update({b"labels": c[b"labels"][:-1]}), "there must be a label for each of 20 pictures"),
        (lambda c: c[b"labels"].__setitem__(3, 10), "labels must be whole numbers from 0 to 9, got 10"),
        (lambda c: c[b"labels"].__setitem__(3, True), "labels must be whole numbers from 0 to 9, got True"),
        (lambda c: c.pop(b"data"), "no dictionary with the keys data and labels"),
        (
            lambda c: c.update({b"data": c[b"data"][:, :-1]}),
            r"bytes of shape \(pictures, 3072\), got uint8 \(20, 3071\)",
        ),
        (lambda c: c.update({b"data": c[b"data"].astype(float)}), "got float64"),
        (lambda c: c.update({b"data": np.uint8(3)}), "not allowed in data|got"),
        (lambda c: c.update({b"data": [1]}), "got list"),
        (lambda c: c.update({b"more": Evil()}), "cannot be read .*posix.mkdir is not allowed in data"),
    ],
)
def test_a_file_that_is_not_of_the_format_is_one_line_with_the_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Callable[[dict], object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    root = write_cifar(tmp_path)
    change(root, how)
    with pytest.raises(SpecError, match=message) as error:
        opened(root)
    assert LAYOUT in str(error.value) and "data_batch_1: " in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_missing_or_cut_off_is_one_line_with_the_layout(tmp_path: Path) -> None:
    root = write_cifar(tmp_path)
    path = root / FOLDER / "test_batch"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(SpecError, match="test_batch: cannot be read") as error:
            opened(root)
        assert LAYOUT in str(error.value) and "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(SpecError, match="test_batch: No such file or directory"):
        opened(root)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    root = write_cifar(tmp_path)
    path = root / FOLDER / "data_batch_1"
    path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes(), encoding="bytes"), protocol=protocol))
    assert torch.equal(opened(root).train.x, coloured_digits(140)[0][:100])
