"""Batches of bytes on the device: the same pictures however they are asked for."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from pictures import coloured_digits

from studies.training.data import making
from studies.training.data.digits import open_digits
from studies.training.data.part import WHOLE, Part
from studies.training.data.pixels import Pictures, Pixels
from studies.training.data.source import TensorSource, shifted
from studies.trials.data import DigitsSpec
from studies.trials.recipe import Recipe

FULL: dict[str, Any] = {
    "crop": "pad",
    "auto_augment": "rand-m9-mstd0.5-inc1",
    "interpolation": "random",
    "reprob": 0.5,
    "recount": 2,
}


def source(side: int = 32, cores: int = 1) -> TensorSource:
    x, y = coloured_digits(140)
    pixels = Pixels.of(x[:100], side)
    return TensorSource(Pictures(x[:100], y[:100]), Pictures(x[100:], y[100:]), pixels=pixels, cores=cores)


def recipe(augment: dict | None, **changes: Any) -> Recipe:
    made = {"epochs": 2, "batch_size": 16, "lr": 0.01, "augment": augment}
    return Recipe.model_validate(made | changes)


def pictures(which: TensorSource, how: Recipe, *places: tuple[int, int], part: Part = WHOLE) -> torch.Tensor:
    return torch.cat([which.train_batch(how, 0, epoch, index, part)[0] for epoch, index in places])


@pytest.mark.parametrize(
    "augment", [FULL, {"crop": "resized", "color_jitter": 0.4}, None], ids=["full", "resized", "none"]
)
@pytest.mark.parametrize("side", [32, 40])
def test_the_parts_of_a_batch_are_the_rows_of_the_whole(augment: dict | None, side: int) -> None:
    how = recipe(augment, shift=1)
    whole, y = source(side).train_batch(how, 3, 1, 2)
    assert whole.shape == (16, 3, side, side) and whole.dtype == torch.float32
    for count in (2, 4):
        one = source(side)
        for part in WHOLE.split(count):
            x, labels = one.train_batch(how, 3, 1, 2, part)
            rows = part.rows(16)
            assert torch.equal(labels, y[rows])
            torch.testing.assert_close(x, whole[rows], rtol=0, atol=0 if side == 32 else 1e-6)


def test_a_batch_is_the_same_whenever_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    how, places = recipe(FULL), [(0, 0), (0, 1), (0, 5), (1, 2)]
    straight = source()
    in_order = {(e, i): straight.train_batch(how, 0, e, i)[0] for e in (0, 1) for i in range(6)}
    assert torch.equal(pictures(source(), how, *places), torch.cat([in_order[place] for place in places]))
    monkeypatch.setattr(making, "AREA", 1)  # each by itself
    alone = source()
    assert torch.equal(pictures(alone, how, *places), torch.cat([in_order[place] for place in places]))


@pytest.mark.parametrize("cores", [0, 2])
def test_a_batch_is_the_same_whatever_number_of_cores_makes_it(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "AREA", 2 * 16 * 32 * 32)  # two batches at a time, so that workers have work
    how, places = recipe(FULL), [(e, i) for e in (0, 1) for i in range(6)]
    one = source(cores=cores)
    assert torch.equal(pictures(one, how, *places), pictures(source(), how, *places))
    one.close()


def test_a_batch_that_was_changed_by_its_user_is_made_again_when_it_is_asked_for_again() -> None:
    one, how = source(), recipe(FULL)
    first, _ = one.train_batch(how, 0, 0, 1)
    kept = first.clone()
    first.zero_()
    assert torch.equal(one.train_batch(how, 0, 0, 1)[0], kept)


def test_another_recipe_gets_other_pictures_of_the_same_source() -> None:
    one = source()
    plain, full = recipe({"hflip": 0.0}), recipe(FULL)
    first = one.train_batch(plain, 0, 0, 1)[0]
    assert not torch.equal(first, one.train_batch(full, 0, 0, 1)[0])
    assert torch.equal(first, one.train_batch(plain, 0, 0, 1)[0])


def test_steps_and_seeds_augment_the_same_picture_differently() -> None:
    how = recipe({"hflip": 0.0, "crop": "pad"}, batch_size=100)
    one = source()
    sums = {
        (seed, epoch): one.train_batch(how, seed, epoch, 0)[0].sum((1, 2, 3)).sort().values
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len({tuple(values.tolist()) for values in sums.values()}) == 4


@pytest.mark.parametrize("augment", [FULL, None])
def test_the_random_state_after_a_batch_is_a_function_of_the_step_alone(augment: dict | None) -> None:
    def states(one: TensorSource, *places: tuple[int, int], part: Part = WHOLE) -> list[float]:
        pictures(one, recipe(augment), *places, part=part)
        return [torch.rand(()).item(), random.random(), float(np.random.rand())]

    assert states(source(), (0, 0), (0, 1)) == states(source(), (0, 1))
    assert states(source(), (0, 1)) == states(source(), (0, 1), part=Part(1, 2))
    assert states(source(), (0, 1)) != states(source(), (0, 2))


def test_pictures_without_augmentation_are_the_splits_own_normalised() -> None:
    one = source()
    x, y = one.train_batch(recipe(None), 0, 0, 0)
    assert one.pixels is not None
    everything = one.pixels.normalised(one.train.x)
    for picture, label in zip(x, y, strict=True):
        found = (everything == picture).flatten(1).all(1).nonzero()[:, 0]
        assert len(found) == 1 and one.train.y[found[0]] == label


def test_every_step_of_the_augmentation_is_applied_in_its_place() -> None:
    one = source()
    made = pictures(one, recipe(FULL), *((0, i) for i in range(6)))
    plain = pictures(one, recipe({"hflip": 0.0}), *((0, i) for i in range(6)))
    assert (made != plain).flatten(1).any(1).float().mean() > 0.9
    erased = pictures(one, recipe({"hflip": 0.0, "reprob": 1.0, "remode": "const"}), *((0, i) for i in range(6)))
    gone = erased != plain
    assert (erased[gone] == 0).all() and gone.flatten(1).any(1).all()  # 0 after normalisation, the mean


def test_digits_are_cropped_flipped_and_erased_around_their_mean() -> None:
    spec = DigitsSpec(kind="digits", train_size=64, test_size=32)
    one = open_digits(spec, torch.device("cpu"))
    how = recipe({"crop": "pad", "hflip": 0.5, "reprob": 0.5}, shift=1)
    x, _ = one.train_batch(how, 0, 0, 0)
    assert x.shape == (16, 3, 16, 16) and x.dtype == torch.float32
    assert not torch.equal(x, one.train_batch(recipe(None), 0, 0, 0)[0])


def test_a_shift_of_bytes_is_the_shift_of_the_same_numbers_as_floats() -> None:
    x = coloured_digits(20)[0]
    torch.manual_seed(0)
    as_bytes = shifted(x, 2)
    torch.manual_seed(0)
    assert torch.equal(as_bytes.float(), shifted(x.float(), 2))
