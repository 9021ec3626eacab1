"""What is held out of training for validation is in neither the pictures that are learned from nor the test ones."""

from pathlib import Path

import pytest
import torch
from picture_folders import folder_data, write_folder
from pictures import write_cifar
from pydantic import ValidationError

from studies.training.data import digits
from studies.training.data.access import DataAccess
from studies.training.data.opened import open_data
from studies.training.data.source import TensorSource
from studies.trials.data import Cifar10Spec, DigitsSpec, FolderSpec

CPU = torch.device("cpu")


def placed(monkeypatch: pytest.MonkeyPatch, spec: DigitsSpec) -> list[set[bytes]]:
    """The digits that training and test pictures are made of."""
    seen: list[set[bytes]] = []
    place = digits.place

    def spy(sources: torch.Tensor, *rest: object) -> torch.Tensor:
        seen.append({one.numpy().tobytes() for one in sources})
        return place(sources, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(digits, "place", spy)
        made = digits.placed_digits.__wrapped__(spec)
    assert [len(made[name][1]) for name in ("train", "test")] == [
        spec.learned,
        spec.held_out if spec.validation else spec.test_size,
    ]
    return seen


@pytest.mark.parametrize(("first", "classes"), [(0, 10), (6, 4)])
def test_no_digit_of_the_validation_pictures_is_learned_or_tested(
    monkeypatch: pytest.MonkeyPatch, first: int, classes: int
) -> None:
    spec = DigitsSpec(kind="digits", train_size=15_000, test_size=15_000, first_class=first, num_classes=classes)
    all_train, test = placed(monkeypatch, spec)
    learned, held = placed(monkeypatch, spec.model_copy(update={"validation": 0.25}))
    assert not learned & held
    assert learned | held == all_train
    assert not held & test
    assert len(held) / len(all_train) == pytest.approx(0.25, abs=0.01)


def test_cifars_validation_pictures_are_training_pictures_that_are_not_learned(tmp_path: Path) -> None:
    root, spec = str(write_cifar(tmp_path)), Cifar10Spec(kind="cifar10", train_size=100, test_size=40)
    whole, cut = (open_data(one, CPU, DataAccess(root)) for one in (spec, spec.model_copy(update={"validation": 0.3})))
    assert isinstance(whole, TensorSource) and isinstance(cut, TensorSource)
    learned, held, every = ([x.numpy().tobytes() for x in part.x] for part in (cut.train, cut.test, whole.train))
    assert (len(learned), len(held)) == (70, 30)
    assert sorted(learned + held) == sorted(every)
    assert cut.fingerprint == whole.fingerprint, "the files are the same"
    assert cut.pixels and whole.pixels and cut.pixels.mean != whole.pixels.mean, "no held-out picture is looked at"


def test_validation_pictures_in_files_are_training_pictures_that_are_not_learned(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    source = open_data(FolderSpec(**folder_data(validation=0.25)), CPU, DataAccess(str(root), 0))
    learned, held = source._train.tolist(), source._test.tolist()  # type: ignore[attr-defined]
    assert (len(learned), len(held)) == (30, 10)
    assert sorted(learned + held) == list(range(40))
    assert sum(len(y) for _, y in source.test_batches()) == 10
    source.close()


def test_a_share_that_leaves_nothing_is_refused_with_one_that_works() -> None:
    with pytest.raises(ValidationError, match=r"validation 0\.001 of 100 training pictures leaves none for validation"):
        DigitsSpec(kind="digits", train_size=100, validation=0.001)
    with pytest.raises(ValidationError, match="leaves none to learn from"):
        DigitsSpec(kind="digits", train_size=100, validation=0.999)
    with pytest.raises(ValidationError):
        DigitsSpec(kind="digits", validation=1.0)
