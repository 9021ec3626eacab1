import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studies.language.scale_file import load_scale
from studies.training.data.digits import open_digits
from studies.training.data.part import WHOLE, Part
from studies.trials.data import DigitsSpec


@given(st.integers(1, 16), st.integers(1, 8))
def test_the_parts_of_a_batch_are_disjoint_and_together_all_of_it(count: int, pairs: int) -> None:
    size = 2 * pairs * count
    rows = torch.cat([Part(i, count).rows(size) for i in range(count)])
    assert sorted(rows.tolist()) == list(range(size))


@given(st.integers(2, 8), st.integers(1, 4))
def test_a_part_mirrored_is_the_part_of_the_mirrored_batch(count: int, pairs: int) -> None:
    batch = torch.arange(2 * pairs * count)
    for i in range(count):
        rows = Part(i, count).rows(len(batch))
        assert torch.equal(batch[rows].flip(0), batch.flip(0)[rows])


def test_a_part_of_a_part_is_a_part_of_the_batch() -> None:
    whole = [row for part in Part(1, 2).split(2) for row in part.rows(16).tolist()]
    assert sorted(whole) == sorted(Part(1, 2).rows(16).tolist())


def test_a_batch_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 12 pictures cannot be cut into 4 parts"):
        Part(0, 4).rows(12)
    assert WHOLE.rows(3).tolist() == [0, 1, 2]


def test_parts_get_the_pictures_that_the_whole_batch_has() -> None:
    source = open_digits(DigitsSpec(kind="digits", train_size=128, test_size=64), torch.device("cpu"))
    recipe = load_scale("digits").recipe
    x, y = source.train_batch(recipe, 0, 1, 2)
    for i in range(4):
        part = Part(i, 4)
        rows = part.rows(len(y))
        mine = source.train_batch(recipe, 0, 1, 2, part)
        assert torch.equal(mine[0], x[rows]) and torch.equal(mine[1], y[rows])
    parts = [torch.cat([labels for _, labels in source.test_batches(None, Part(i, 3))]) for i in range(3)]
    assert sum(map(len, parts)) == 64
    assert torch.equal(parts[1], source.test.y[1::3])
