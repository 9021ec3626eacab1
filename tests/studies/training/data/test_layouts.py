"""Data that is missing or not what a spec says: one line that shows what was expected, and what was found."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from picture_folders import folder_data, write_folder, write_shards, write_tars
from pydantic import TypeAdapter

from searchspace.expand import SpecError
from studies.training.data.root import data_root, require_data
from studies.training.data.splits import open_splits
from studies.trials.data import DataSpec, FolderSpec

SPEC = FolderSpec(**folder_data())
EXPECTED = "expected digits/train/<class>/*.jpg and digits/val/<class>/*.jpg"


def spec_of(**changes: Any) -> DataSpec:
    return TypeAdapter(DataSpec).validate_python(folder_data(**changes))


def refusal(spec: DataSpec, root: Path | str | None) -> str:
    with pytest.raises(SpecError) as error:
        require_data(spec, None if root is None else str(root))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_folder_of_data_sets_or_the_one_of_the_splits_may_be_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    require_data(SPEC, str(tmp_path))
    require_data(SPEC, str(tmp_path / "digits"))
    first, second = (open_splits(SPEC, str(root)).fingerprint for root in (tmp_path, tmp_path / "digits"))
    assert first == second


def test_a_folder_named_from_here_is_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_root("data") == str(tmp_path / "data")
    monkeypatch.setenv("STUDIES_DATA", "~/data")
    assert data_root() == str(Path.home() / "data")
    monkeypatch.setenv("STUDIES_DATA", "")
    assert data_root() is None


def empty(base: Path) -> None:
    shutil.rmtree(base)
    base.mkdir()


def without(name: str) -> Callable[[Path], None]:
    return lambda base: shutil.rmtree(base / name)


def strange_class(base: Path) -> None:
    (base / "val" / "n000").rename(base / "val" / "n777")


def class_without_pictures(base: Path) -> None:
    (base / "train" / "n0005").mkdir()


def pictures_without_classes(base: Path) -> None:
    for folder in list((base / "train").iterdir()):
        for file in folder.iterdir():
            file.rename(base / "train" / f"{folder.name}{file.name}")
        folder.rmdir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without(""), [EXPECTED, "found an empty folder"]),
        (empty, [EXPECTED, "found an empty folder", "digits"]),
        (without("val"), [EXPECTED, "found train/ in"]),
        (strange_class, ["val/n777: there is no such class in", "train"]),
        (class_without_pictures, ["n0005 has no pictures: each folder there is a class"]),
        (pictures_without_classes, ["train has no pictures in folders", EXPECTED]),
    ],
)
def test_what_is_not_there_is_said_beside_what_was_expected(
    tmp_path: Path, change: Callable[[Path], None], words: list[str]
) -> None:
    change(write_folder(tmp_path) / "digits")
    line = refusal(SPEC, tmp_path)
    for word in words:
        assert word in line


def test_no_folder_or_one_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIES_DATA", raising=False)
    assert "name the folder that holds digits/train/<class>/*.jpg" in refusal(SPEC, None)
    assert "found no such folder" in refusal(SPEC, tmp_path / "nothing")
    monkeypatch.setenv("STUDIES_DATA", str(write_folder(tmp_path)))
    require_data(SPEC)


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    base = write_folder(tmp_path) / "digits"
    (base / "train" / "n001" / "loop").symlink_to("loop")  # root may read all else
    assert "cannot be read: Too many levels of symbolic links" in refusal(SPEC, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_classes": 4}, "has 3 classes, and data.num_classes is 4; data.num_classes: 3 would work"),
        ({"train_size": 50}, "split train of digits has 40 pictures, and data.train_size is 50"),
        ({"test_size": 13}, "split val of digits has 12 pictures, and data.test_size is 13"),
    ],
)
def test_other_numbers_than_the_specs_are_refused_with_the_field_that_would_work(
    tmp_path: Path, changes: dict, words: str
) -> None:
    assert words in refusal(spec_of(**changes), write_folder(tmp_path))


def test_a_link_that_leads_nowhere_and_hidden_files_do_not_stop_a_listing(tmp_path: Path) -> None:
    base = write_folder(tmp_path) / "digits"
    (base / "train" / ".cache").mkdir()
    (base / "train" / "n001" / ".x.jpg").write_bytes(b"")
    (base / "train" / "n001" / "gone.jpg").symlink_to(base / "nowhere.jpg")
    (base / "train" / "n001" / "notes.txt").write_text("")
    found = open_splits(SPEC, str(tmp_path))
    assert (len(found.train), found.train.classes) == (41, 3)


def test_the_fingerprint_is_of_names_and_sizes_of_both_splits(tmp_path: Path) -> None:
    from studies.training.data.listing import listed

    def made() -> str:
        listed.cache_clear()
        return open_splits(SPEC, str(tmp_path)).fingerprint

    base = write_folder(tmp_path) / "digits"
    first = made()
    assert len(first) == 16 and made() == first
    picture = next((base / "val" / "n001").iterdir())
    content = picture.read_bytes()
    picture.write_bytes(content + b" ")
    assert made() != first
    picture.write_bytes(content)
    assert made() == first
    picture.rename(picture.with_name("other.png"))
    assert made() != first


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tfds/imagenet2012", ["as a stream", "wds/NAME", "would work"]),
        ("HFIDS/x/y", ["timm reads hfids as a stream"]),
        ("torch/image_folder", ["use kind: folder"]),
        ("torch/nothing", ["timm cannot open torch/nothing, split train: AssertionError: Unknown torchvision dataset"]),
        ("torch/cifar10", ["timm cannot open torch/cifar10", "not found"]),
        ("wds/digits", ["expected digits/*train*.tar (or digits/train/*.tar)", "key.cls", "found train/, val/ in"]),
        ("digits", ["expected digits/train.tar (or digits/train/*.tar, a tar file a class)", "found train/, val/ in"]),
    ],
)
def test_what_timm_cannot_open_by_number_is_refused_with_what_works(
    tmp_path: Path, name: str, words: list[str]
) -> None:
    write_folder(tmp_path)
    line = refusal(spec_of(kind="timm", name=name), tmp_path)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("write", "name"), [(write_tars, "digits"), (write_shards, "wds/digits")], ids=["tar files", "shards"]
)
def test_tar_files_hold_the_same_pictures_as_folders(tmp_path: Path, write: Callable[[Path], Path], name: str) -> None:
    plain = open_splits(SPEC, str(write_folder(tmp_path / "folder")))
    packed = open_splits(spec_of(kind="timm", name=name), str(write(tmp_path / "packed")))  # type: ignore[arg-type]
    for one, other in ((plain.train, packed.train), (plain.test, packed.test)):
        first, second = (
            sorted((picture.tobytes(), label) for picture, label in map(reader.__getitem__, range(len(reader))))
            for reader in (one, other)
        )
        assert first == second
    assert ".tar/" in packed.train.name(0)


def test_a_shard_that_is_cut_off_or_without_classes_is_refused(tmp_path: Path) -> None:
    import tarfile

    base = write_shards(tmp_path) / "digits"
    spec = spec_of(kind="timm", name="wds/digits")
    shard = base / "digits-val-1.tar"
    content = shard.read_bytes()
    shard.write_bytes(content[:700])
    assert "cannot be read as an uncompressed tar file" in refusal(spec, tmp_path)
    with tarfile.open(shard, "w") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"))
    from studies.training.data.shards import read_shards

    read_shards.cache_clear()
    assert "a.jpg has no a.cls beside it" in refusal(spec, tmp_path)
