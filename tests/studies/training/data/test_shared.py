"""Tensors from data workers in memory that is used again: never while something is left of what was there."""

from collections.abc import Iterator

import pytest
import torch
from torch.utils.data import Dataset

from studies.training.data import shared
from studies.training.data.shared import SharedLoading

WORKERS, MOST = 2, 600
PIECES = WORKERS * shared.AHEAD + shared.TAKEN


class Constant(Dataset[torch.Tensor]):
    """Asked for a number, gives a matrix of it."""

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.full((2, MOST // 2 - number % 3), float(number))


@pytest.fixture
def loading() -> Iterator[SharedLoading]:
    one = SharedLoading(Constant(), MOST, WORKERS, pytest.fail)
    yield one
    one.close()


def begin(loading: SharedLoading, *numbers: int) -> None:
    loading.begin([number] for number in numbers)


def taken(loading: SharedLoading) -> torch.Tensor:
    made = loading.take()
    assert made is not None
    return made


def test_tensors_come_in_order_in_few_pieces_of_memory_if_they_are_let_go(loading: SharedLoading) -> None:
    begin(loading, *range(40))
    places = set()
    for number in range(40):
        made = taken(loading)
        assert torch.equal(made, Constant()[number])
        places.add(made.data_ptr())
    assert loading.take() is None
    assert len(places) <= PIECES


def test_tensors_that_are_kept_are_not_written_over_nor_are_their_views(loading: SharedLoading) -> None:
    begin(loading, *range(40))
    kept = [taken(loading) if number % 2 else taken(loading)[1, 3:9] for number in range(40)]
    assert len({made.untyped_storage().data_ptr() for made in kept}) == 40
    for number, made in enumerate(kept):
        assert (made == number).all()


def test_what_was_asked_for_in_vain_leaves_its_memory_to_what_is_asked_for_next(loading: SharedLoading) -> None:
    for first in range(0, 300, 30):
        begin(loading, *range(first, first + 30))
        assert torch.equal(taken(loading), Constant()[first])
        assert len(loading._free) + len(loading._given) >= PIECES - 1, "the tensor above may have gone already"
        assert not set(loading._free) & loading._given
    begin(loading, *range(9))
    assert [taken(loading)[0, 0].item() for _ in range(9)] == list(range(9))


def test_a_tensor_outlives_the_loading(loading: SharedLoading) -> None:
    begin(loading, 5, 6)
    made = taken(loading)
    loading.close()
    assert torch.equal(made, Constant()[5])
    begin(loading, 7)
    assert torch.equal(taken(loading), Constant()[7])


def test_where_workers_are_not_forked_tensors_come_as_dataloader_sends_them(
    loading: SharedLoading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_pieces", lambda count, most: [])
    begin(loading, *range(9))
    for number in range(9):
        assert torch.equal(taken(loading), Constant()[number])
