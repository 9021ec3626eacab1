"""Batches made ahead: the same whatever number of threads makes them, and whatever is asked for."""

import threading
from collections import deque
from collections.abc import Iterator

import pytest
import torch

from studies.training.data import ahead
from studies.training.data.ahead import Ahead, ranges
from studies.training.data.part import WHOLE, Part
from studies.training.evaluation import Batch

STOP = 11  # batches of an epoch, made three at a time


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "AREA", 300)


@pytest.fixture(params=[0, 1, 3])
def one(request: pytest.FixtureRequest) -> Iterator[Ahead]:
    ahead_of_all = Ahead(request.param)
    yield ahead_of_all
    ahead_of_all.close()


def made(indices: range, key: str = "a", part: Part = WHOLE) -> list[Batch]:
    """Batches that say of what they are."""
    return [(torch.tensor([ord(key), part.index, i]), torch.tensor(i)) for i in indices]


def take(one: Ahead, index: int, key: str = "a", part: Part = WHOLE) -> list[int]:
    return one.take(key, part, index, STOP, 100, lambda indices: made(indices, key, part))[0].tolist()


def test_batches_come_in_the_order_they_are_asked_for_whatever_that_is(one: Ahead) -> None:
    for index in (*range(STOP), 4, 5, 5, 10, 0, 9, 1, 2, 3, 4, 7):
        assert take(one, index) == [ord("a"), 0, index]


def test_another_key_gets_other_batches(one: Ahead) -> None:
    assert [take(one, 1, key)[0] for key in "abba"] == [ord(key) for key in "abba"]


def test_parts_take_turns_and_may_become_smaller(one: Ahead) -> None:
    for index in range(STOP):
        for part in WHOLE.split(2 if index < 4 else 4):
            assert take(one, index, part=part) == [ord("a"), part.index, index]


def test_a_thread_beside_makes_what_comes_next_before_it_is_asked_for() -> None:
    one, other = Ahead(1), threading.Event()

    def make(indices: range) -> list[Batch]:
        if threading.current_thread() is not threading.main_thread():
            other.set()
        return made(indices)

    one.take("a", WHOLE, 0, STOP, 100, make)
    assert other.wait(30)  # nobody has asked for the batch 3
    one.close()


def test_who_must_wait_makes_another_group_meanwhile() -> None:
    one, begun, done = Ahead(1), threading.Event(), threading.Event()
    mine: list[range] = []

    def make(indices: range) -> list[Batch]:
        if threading.current_thread() is threading.main_thread():
            mine.append(indices)
            done.set()
        elif not begun.is_set():  # the thread beside holds its first group until the other has made one
            begun.set()
            assert done.wait(30)
        return made(indices)

    held = ahead._Group(range(0, 3), make)
    held.task = one._threads().submit(held.make)
    assert begun.wait(30)
    one._key, one._coming = "a", {WHOLE: deque([held])}
    assert one.take("a", WHOLE, 0, STOP, 100, make)[1] == 0
    assert mine == [range(3, 6)]
    one.close()


@pytest.mark.parametrize("threads", [0, 2])
def test_what_a_thread_beside_fails_at_is_raised_where_it_is_asked_for(threads: int) -> None:
    def make(indices: range) -> list[Batch]:
        if 6 in indices:
            raise MemoryError("no room")
        return made(indices)

    one = Ahead(threads)
    for index in range(6):
        one.take("a", WHOLE, index, STOP, 100, make)
    with pytest.raises(MemoryError, match="no room"):
        one.take("a", WHOLE, 6, STOP, 100, make)
    one.close()


def test_threads_are_ended_by_close_and_share_no_operation() -> None:
    before, one, inside = torch.get_num_threads(), Ahead(1), list[int]()
    seen = threading.Event()

    def make(indices: range) -> list[Batch]:
        if threading.current_thread() is not threading.main_thread():
            inside.append(torch.get_num_threads())
            seen.set()
        return made(indices)

    one.take("a", WHOLE, 0, STOP, 100, make)
    assert seen.wait(30) and set(inside) == {1}
    assert torch.get_num_threads() == before
    one.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
    assert take(one, 1)[2] == 1  # and begun anew for who goes on
    one.close()


def test_groups_begin_where_batches_are_made_together() -> None:
    assert list(ranges(1, 8, 3)) == [range(1, 3), range(3, 6), range(6, 8)]
    assert list(ranges(8, 8, 3)) == []
