"""Pictures in files: what comes is a function of seed, epoch and place alone."""

from pathlib import Path

import pytest
import torch
from picture_folders import CLASSES, folder_data, write_folder
from timm.data import create_transform
from torchvision.datasets import ImageFolder

from searchspace.expand import SpecError
from studies.training.data.access import DataAccess
from studies.training.data.corrupt import DataError
from studies.training.data.folder import FolderSource
from studies.training.data.opened import open_data
from studies.training.data.part import WHOLE, Part
from studies.training.data.transforms import MEAN, STD, for_training
from studies.training.seeding import seed_all
from studies.trials.data import FolderSpec
from studies.trials.recipe import Augment, Recipe

AUGMENT = Augment(crop="resized", auto_augment="rand-m9-mstd0.5-inc1", interpolation="random", reprob=0.5, recount=2)
RECIPE = Recipe(epochs=2, batch_size=8, lr=0.1, augment=AUGMENT)
PLAIN = Recipe(epochs=2, batch_size=8, lr=0.1)
STEPS = [(epoch, index) for epoch in range(2) for index in range(5)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("data"))


def opened(root: Path, workers: int = 0, **changes: object) -> FolderSource:
    source = open_data(FolderSpec(**folder_data(**changes)), torch.device("cpu"), DataAccess(str(root), workers))
    assert isinstance(source, FolderSource)
    return source


def batches(source: FolderSource, steps: list[tuple[int, int]], parts: tuple[Part, ...] = (WHOLE,)) -> list[tuple]:
    """Whole batches, put together of their parts, and the random number that follows."""
    made = []
    for epoch, index in steps:
        x, y = torch.zeros(8, 3, 16, 16), torch.zeros(8, dtype=torch.int64)
        for part in parts:
            rows = part.rows(8)
            x[rows], y[rows] = source.train_batch(RECIPE, 3, epoch, index, part)
        made.append((x, y, torch.rand(1)))
    source.close()
    return made


def same(first: list[tuple], second: list[tuple]) -> bool:
    return all(torch.equal(a, b) for p, q in zip(first, second, strict=True) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize(
    ("workers", "parts"),
    [(2, (WHOLE,)), (0, tuple(WHOLE.split(2))), (2, tuple(WHOLE.split(4))), (1, tuple(Part(1, 2).split(2)))],
    ids=["2 workers", "2 parts", "2 workers and 4 parts", "1 worker, the parts of one of two ranks"],
)
def test_the_number_of_workers_and_parts_changes_no_picture(root: Path, workers: int, parts: tuple) -> None:
    expected = batches(opened(root), STEPS)
    source = opened(root, workers)
    found = batches(source, STEPS, parts)
    if sum(1 / part.count for part in parts) < 1:
        rows = torch.cat([part.rows(8) for part in parts])
        expected, found = ([(x[rows], y[rows], r) for x, y, r in made] for made in (expected, found))
    assert same(expected, found)


def test_any_batch_can_be_asked_for_first_and_again(root: Path) -> None:
    expected = batches(opened(root), STEPS)
    source = opened(root)
    for place in (7, 3, 4, 4, 9):
        assert same(batches(source, [STEPS[place]]), [expected[place]])


def test_loading_begins_anew_only_while_the_parts_are_not_known(root: Path) -> None:
    source = opened(root)

    def take(steps: list[tuple[int, int]], parts: list[Part]) -> int:
        for epoch, index in steps:
            for part in parts:
                source.train_batch(RECIPE, 3, epoch, index, part)
        assert source._stream
        return source._stream.restarts

    halves, quarters = WHOLE.split(2), WHOLE.split(4)
    assert take(STEPS[:2], [WHOLE]) == 1
    assert take(STEPS[2:5], halves) == 1 + 2, "once for each of the new parts"
    assert take(STEPS[4:8], quarters) == 1 + 2 + 4, "memory was short, and the step is begun again"
    assert take(STEPS[8:], [WHOLE]) == 1 + 2 + 4 + 1


def test_an_epoch_has_each_picture_once_in_an_order_of_its_own(root: Path) -> None:
    source = opened(root)
    first, second = (
        torch.cat([source.train_batch(PLAIN, 0, epoch, i)[0] for i in range(5)]).flatten(1) for epoch in (0, 1)
    )
    assert len(first.unique(dim=0)) == 40
    assert not torch.equal(first, second)
    assert torch.equal(first.sort(0).values, second.sort(0).values)


def test_pictures_are_those_of_timms_transform_under_the_seed_of_their_place(root: Path) -> None:
    augment = Augment(crop="resized", color_jitter=0.4, interpolation="bilinear")
    recipe = Recipe(epochs=1, batch_size=8, lr=0.1, augment=augment)
    source = opened(root)
    x, y = source.train_batch(recipe, 5, 0, 2)
    transform = create_transform(16, is_training=True, color_jitter=0.4, interpolation="bilinear")
    files = ImageFolder(root / "digits" / "train")
    for row in range(8):
        picture, label = files[int(source._order(5, 0)[16 + row])]
        seed_all(5, "picture", 0, 16 + row)
        assert torch.allclose(x[row], transform(picture), atol=1e-6)
        assert y[row] == label


def test_test_pictures_are_those_of_timms_evaluation_transform_in_order(root: Path) -> None:
    ((x, y),) = opened(root).test_batches()
    transform = create_transform(16, is_training=False, interpolation="bicubic", crop_pct=0.9)
    expected = [(transform(picture), label) for picture, label in ImageFolder(root / "digits" / "val")]
    assert torch.allclose(x, torch.stack([picture for picture, _ in expected]), atol=1e-6)
    assert y.tolist() == [label for _, label in expected]


def test_of_several_parts_each_evaluates_its_share_and_of_a_subset_too(root: Path) -> None:
    source = opened(root)
    ((whole, labels),) = source.test_batches()
    for i in range(3):
        ((x, y),) = source.test_batches(part=Part(i, 3))
        assert torch.equal(x, whole[i::3]) and torch.equal(y, labels[i::3])
    ((some, _),) = source.test_batches(limit=5)
    assert len(some) == 5 and all(any(torch.equal(a, b) for b in whole) for a in some)
    assert torch.equal(some, next(source.test_batches(limit=5))[0])


def test_a_smaller_train_size_is_a_subset_that_is_always_the_same(root: Path) -> None:
    def pictures(seed: int) -> set[bytes]:
        source = opened(root, train_size=24)
        assert source.steps_per_epoch(8) == 3
        return {x.numpy().tobytes() for i in range(3) for x in source.train_batch(PLAIN, seed, 0, i)[0]}

    assert pictures(0) == pictures(1)
    assert len(pictures(0)) == 24


@pytest.mark.parametrize(("crop", "padding"), [("none", 0), ("pad", 3)])
def test_without_resizing_at_random_a_crop_is_the_middle_or_moved_into_black(crop: str, padding: int) -> None:
    from PIL import Image

    recipe = Recipe(epochs=1, batch_size=8, lr=0.1, augment=Augment(crop=crop, crop_padding=3, hflip=0))
    white = Image.new("RGB", (40, 20), "white")
    transform = for_training(recipe, 16)
    black = set()
    for seed in range(40):
        seed_all(seed)
        made = transform(white)
        assert made.shape == (3, 16, 16) and made.dtype == torch.uint8
        black.add(int((made[0] == 0).all(0).sum()))
    assert max(black) == padding and min(black) == 0


def test_shift_moves_the_picture_and_repeats_its_edges() -> None:
    from PIL import Image

    transform = for_training(PLAIN.model_copy(update={"shift": 2}), 16)
    ramp = Image.fromarray(torch.arange(16, dtype=torch.uint8).expand(16, 16).contiguous().numpy()).convert("RGB")
    found = set()
    for seed in range(40):
        seed_all(seed)
        row = transform(ramp)[0, 8].int()
        found.add(int(row[8]) - 8)
        assert torch.equal(row, (torch.arange(16) + row[8] - 8).clamp(0, 15).int())
    assert found == {-2, -1, 0, 1, 2}


def test_erasing_leaves_the_share_of_pictures_whole_that_it_should(root: Path) -> None:
    augment = Augment(reprob=0.5, remode="const", hflip=0)
    erased, whole = Recipe(epochs=2, batch_size=8, lr=0.1, augment=augment), PLAIN
    changed = []
    for epoch, index in STEPS:
        x, y = (opened(root).train_batch(recipe, 1, epoch, index)[0] for recipe in (erased, whole))
        changed += [not torch.equal(a, b) for a, b in zip(x, y, strict=True)]
        assert ((x == y) | (x == 0)).all()
    assert 0.35 < sum(changed) / len(changed) < 0.65


def test_pixels_are_normalised_as_imagenets(root: Path) -> None:
    x, _ = opened(root).train_batch(PLAIN, 0, 0, 0)
    pixels = x * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert torch.allclose(pixels * 255, (pixels * 255).round(), atol=1e-3)
    assert pixels.min() > -1e-6 and pixels.max() < 1 + 1e-6


def test_a_label_that_the_spec_has_not_is_named(root: Path) -> None:
    source = opened(root)
    source._readers["test"].listing.labels[3] = CLASSES  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"n000/picture_\d+.\w+ has label 3, and data.num_classes is 3"):
        list(source.test_batches())


def test_more_pictures_than_there_are_is_refused_with_what_would_work(root: Path) -> None:
    with pytest.raises(SpecError, match=r"has 40 pictures, and data\.train_size is 41; data\.train_size: 40 or less"):
        opened(root, train_size=41)
