"""Hugging Face data sets through timm: the library itself, on a data set that lies here; nothing asks the Hub."""

from pathlib import Path

import pytest
import torch
from picture_folders import digit_files, folder_data, write_stored

from searchspace.expand import SpecError
from studies.training.data.access import DataAccess
from studies.training.data.opened import open_data
from studies.training.data.readers import decoded
from studies.training.data.root import require_data
from studies.training.data.splits import Splits, open_splits
from studies.trials.data import TimmDataSpec
from studies.trials.recipe import Augment, Recipe


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("datasets", reason="pip install datasets")
    return write_stored(tmp_path_factory.mktemp("stored"))


def spec_of(stored: Path, **changes: object) -> TimmDataSpec:
    fields = {"kind": "timm", "name": f"hfds/{stored}/digits", "test_split": "validation"}
    return TimmDataSpec(**folder_data(**fields | changes))


def opened(stored: Path, **changes: object) -> Splits:
    return open_splits(spec_of(stored, **changes), str(stored / "cache"))


def test_a_stored_data_set_gives_its_pictures_by_number_with_their_labels_and_names(stored: Path) -> None:
    found, files = opened(stored), digit_files(52)
    assert (len(found.train), len(found.test), found.train.classes) == (40, 12, 3)
    for reader, rows in ((found.train, files[:40]), (found.test, files[40:])):
        for i, (label, suffix, content) in enumerate(rows):
            picture, its_label = reader[i]
            assert (picture.tobytes(), its_label) == (decoded(content).tobytes(), label)
            assert reader.name(i).endswith(f"{i:04}{suffix}")
    assert found.train.name(3).startswith("train 3 ")
    assert found.fingerprint == opened(stored).fingerprint


def test_the_fingerprint_of_a_stored_data_set_changes_with_its_pictures(stored: Path, tmp_path: Path) -> None:
    fewer = opened(write_stored(tmp_path, train=39), train_size=39)
    assert fewer.fingerprint != opened(stored).fingerprint


def test_batches_of_a_stored_data_set_are_the_same_however_many_processes_read_it(stored: Path) -> None:
    how = Recipe(epochs=1, batch_size=8, lr=0.1, augment=Augment(crop="resized", hflip=0.5))
    made = []
    for workers in (0, 2):
        source = open_data(spec_of(stored), torch.device("cpu"), DataAccess(str(stored / "cache"), workers))
        made.append([source.train_batch(how, 3, 0, i) for i in range(2)] + list(source.test_batches()))
        source.close()
    for (x, y), (other_x, other_y) in zip(*made, strict=True):
        assert x.shape[1:] == (3, 16, 16) and torch.equal(x, other_x) and torch.equal(y, other_y)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_split": "val"}, ['Unknown split "val"', "'train', 'validation'"]),
        ({"num_classes": 4}, ["has 3 classes, and data.num_classes is 4; data.num_classes: 3 would work"]),
        ({"train_size": 41}, ["split train of hfds/", "has 40 pictures, and data.train_size is 41"]),
        ({"name": "hfds/nobody/nothing"}, ["timm cannot open hfds/nobody/nothing, split train", "nobody/nothing"]),
    ],
    ids=["split", "classes", "size", "not here"],
)
def test_a_stored_data_set_that_is_not_what_a_spec_says_is_one_line(
    stored: Path, changes: dict, words: list[str]
) -> None:
    with pytest.raises(SpecError) as error:
        require_data(spec_of(stored, **changes), str(stored / "cache"))
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)
