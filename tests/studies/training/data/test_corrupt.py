"""Pictures that cannot be read: passed over once, counted, named, and too many of them end the trial."""

from pathlib import Path

import pytest
import torch
from picture_folders import digit_files, folder_data, write_folder

from studies.training.data.access import DataAccess
from studies.training.data.corrupt import DataError
from studies.training.data.folder import FolderSource
from studies.training.data.opened import open_data
from studies.training.data.readers import UnreadableError, decoded
from studies.training.data.samples import Asked, TrainingSamples
from studies.trials.data import FolderSpec
from studies.trials.recipe import Augment, Recipe

TRAIN, TEST = 990, 20  # one in a thousand of them is one
RECIPE = Recipe(epochs=1, batch_size=TRAIN, lr=0.1, augment=Augment())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path, TRAIN, TEST)


def opened(root: Path, workers: int = 0) -> FolderSource:
    spec = FolderSpec(**folder_data(train_size=TRAIN, test_size=TEST))
    source = open_data(spec, torch.device("cpu"), DataAccess(str(root), workers))
    assert isinstance(source, FolderSource)
    return source


def files(root: Path, split: str) -> list[Path]:
    return sorted((root / "digits" / split).rglob("*.*"))


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


JPEG, PNG = (next(content for _, s, content in digit_files(10) if s == suffix) for suffix in (".JPEG", ".png"))


@pytest.mark.parametrize("content", [b"", b"not a picture", JPEG[: len(JPEG) // 2], PNG[: len(PNG) // 2], PNG[:40]])
def test_content_that_is_no_whole_picture_is_unreadable(content: bytes) -> None:
    assert decoded(JPEG).mode == decoded(PNG).mode == "RGB"
    with pytest.raises(UnreadableError):
        decoded(content)


@pytest.mark.parametrize("workers", [0, 2])
def test_one_corrupt_picture_is_replaced_by_the_next_counted_and_named(root: Path, workers: int) -> None:
    bad = files(root, "train")[5]
    whole = opened(root).train_batch(RECIPE, 0, 0, 0)
    truncate(bad)
    source = opened(root, workers)
    x, y = source.train_batch(RECIPE, 0, 0, 0)
    row = int((source._order(0, 0) == 5).nonzero())
    assert (x != whole[0]).flatten(1).any(1).nonzero().tolist() == [[row]]
    assert torch.equal(y, whole[1])
    assert source.corrupt == 1
    (note,) = source.take_notes()
    assert note == f"passed over 1 picture that cannot be read; the first: train/{bad.parent.name}/{bad.name}"
    assert source.take_notes() == []
    source.train_batch(RECIPE, 0, 0, 0)
    assert source.corrupt == 1, "the same picture counts once"
    source.close()


def test_a_corrupt_picture_is_left_out_of_an_evaluation_and_counted(root: Path) -> None:
    labels = torch.cat([y for _, y in opened(root).test_batches()])
    files(root, "val")[7].write_bytes(b"")
    source = opened(root)
    found = torch.cat([y for _, y in source.test_batches()])
    assert found.tolist() == [*labels[:7].tolist(), *labels[8:].tolist()]
    assert source.corrupt == 1
    assert "the first: val/" not in str(source.take_notes()), "splits are named by what they are for"


def test_more_than_one_in_a_thousand_is_an_error_that_names_some(root: Path) -> None:
    for path in files(root, "train")[3:8]:
        truncate(path)
    with pytest.raises(DataError, match=r"^\d pictures cannot be read, more than 0\.1 % of 1,010: train/n000/p.*--all"):
        opened(root).train_batch(RECIPE, 0, 0, 0)


def test_several_in_a_row_are_all_passed_over_as_long_as_they_may_be(root: Path) -> None:
    bad = files(root, "train")[3:6]
    for path in bad:
        truncate(path)
    reader = opened(root)._readers["train"]

    def sample(number: int, patience: int) -> tuple[int, int]:
        made = TrainingSamples(reader, lambda picture: torch.zeros(3, 16, 16), 16, 3, patience)
        found = made[Asked(0, 0, 0, number)]
        return found.number, found.corrupt

    assert sample(3, 10) == (3, 3)
    assert sample(5, 10) == (5, 1)
    assert sample(3, 2) == (3, 2)
    assert sample(6, 10) == (6, 0)


def test_a_file_that_went_away_is_a_picture_that_cannot_be_read(root: Path) -> None:
    source = opened(root)
    files(root, "val")[0].unlink()
    assert sum(len(y) for _, y in source.test_batches()) == TEST - 1
    assert source.corrupt == 1
