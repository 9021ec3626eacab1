"""Batches made ahead: the same whatever number of processes makes them, and whatever is asked for."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from pictures import coloured_digits

from studies.training.data import ahead, loading, making
from studies.training.data.ahead import Ahead, workers
from studies.training.data.making import Making
from studies.training.data.part import WHOLE, Part
from studies.training.data.pixels import Pictures, Pixels
from studies.trials.recipe import Augment, Recipe

SIZE, STEPS = 8, 11  # made three at a time: four groups


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "AREA", 3 * SIZE * 32**2)


@pytest.fixture
def made() -> Making:
    x, y = coloured_digits(SIZE * STEPS + 3)
    augment = Augment(crop="pad", auto_augment="rand-m9-mstd0.5-inc1", reprob=0.5)
    return Making(Pictures(x, y), Pixels.of(x, 32), Recipe(epochs=3, batch_size=SIZE, lr=0.1, augment=augment), 7)


@pytest.fixture(params=[0, 1, 2])
def one(request: pytest.FixtureRequest, made: Making) -> Iterator[Ahead]:
    taker = Ahead(made, request.param, pytest.fail)
    yield taker
    taker.close()
    assert not psutil.Process().children()


def is_right(taker: Ahead, epoch: int, index: int, part: Part = WHOLE) -> bool:
    """Whether a batch is what is made of it alone."""
    x, y = taker.take(epoch, index, part)
    alone = Ahead(taker.making, 0, pytest.fail).take(epoch, index, part)
    return torch.equal(x, alone[0]) and torch.equal(y, alone[1])


def test_batches_are_right_in_whatever_order_they_are_asked_for(one: Ahead) -> None:
    for index in (*range(STEPS), 4, 5, 5, 10, 0, 9, 1, 2, 3, 4, 7):
        assert is_right(one, 0, index)
    assert is_right(one, 2, 1) and is_right(one, 1, 1)


def test_batches_of_epoch_after_epoch_that_are_all_kept_stay_right(one: Ahead) -> None:
    kept = {(e, i): one.take(e, i, WHOLE) for e in range(3) for i in range(STEPS)}
    alone = Ahead(one.making, 0, pytest.fail)
    for (e, i), (x, y) in kept.items():
        assert torch.equal(x, alone.take(e, i, WHOLE)[0]) and len(y) == SIZE


def test_parts_take_turns_and_may_become_smaller(one: Ahead) -> None:
    for index in range(STEPS):
        for part in WHOLE.split(2 if index < 4 else 4):
            assert is_right(one, 0, index, part)


def test_a_training_that_takes_batches_in_order_begins_once(made: Making) -> None:
    taker = Ahead(made, 2, pytest.fail)
    for epoch in range(3):
        for index in range(STEPS):
            taker.take(epoch, index, WHOLE)
    assert taker._stream and taker._stream.restarts == 1
    taker.close()


def test_there_are_workers_only_where_cores_and_work_are(made: Making) -> None:
    assert [workers(made, cores) for cores in (0, 1, 2, 3, 64)] == [0, 0, 2, 3, ahead.MOST_WORKERS]
    small = Pictures(made.train.x[: 3 * SIZE], made.train.y[: 3 * SIZE])
    elsewhere = Pictures(made.train.x.to("meta"), made.train.y.to("meta"))
    for train in (small, elsewhere):
        assert workers(Making(train, made.pixels, made.recipe, made.seed), 4) == 0


def test_workers_are_ended_by_close_and_begun_anew_for_who_goes_on(made: Making) -> None:
    taker = Ahead(made, 2, pytest.fail)
    for index in (0, 1):
        assert is_right(taker, 0, index)
        assert len(psutil.Process().children()) == 2
        taker.close()
        assert not psutil.Process().children()


@pytest.mark.slow
def test_without_workers_that_live_batches_are_made_here(made: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    here, right, notes = os.getpid(), Making.__getitem__, list[str]()

    def fatal(self: Making, group: making.Place) -> torch.Tensor:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return right(self, group)

    monkeypatch.setattr(Making, "__getitem__", fatal)
    monkeypatch.setattr(loading, "DEATHS", 0)  # each takes torch five seconds to notice
    taker = Ahead(made, 1, notes.append)
    for index in range(STEPS):
        assert is_right(taker, 0, index)
    (note,) = notes
    assert note.startswith("batches are made without data workers from here: data workers died 1 times (")
    assert not psutil.Process().children()


@pytest.mark.parametrize("count", [0, 2])
def test_what_cannot_be_made_is_raised_where_it_is_asked_for(
    made: Making, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Making.__getitem__

    def failing(self: Making, group: making.Place) -> torch.Tensor:
        if group.batch == 2:
            raise MemoryError("no room")
        return right(self, group)

    monkeypatch.setattr(Making, "__getitem__", failing)
    taker = Ahead(made, count, lambda note: None)
    for index in range(6):
        taker.take(0, index, WHOLE)
    with pytest.raises(MemoryError, match="no room"):
        taker.take(0, 6, WHOLE)
    taker.close()


ORPHANS = """
import sys, psutil, torch
sys.path.insert(0, {tests!r})
from pictures import coloured_digits
from studies.training.data.part import WHOLE
from studies.training.data import ahead, loading, making
from studies.training.data.pixels import Pictures, Pixels
from studies.trials.recipe import Augment, Recipe
making.AREA = 8 * 32**2
x, y = coloured_digits(80)
recipe = Recipe(epochs=1, batch_size=8, lr=0.1, augment=Augment())
taker = ahead.Ahead(making.Making(Pictures(x, y), Pixels.of(x, 32), recipe, 0), 2, print)
taker.take(0, 0, WHOLE)
print(*(process.pid for process in psutil.Process().children()), flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_workers_end_with_a_process_that_is_killed_and_leave_nothing_in_shared_memory() -> None:
    before = set(Path("/dev/shm").glob("torch_*"))
    script = ORPHANS.format(tests=str(Path(__file__).parents[3]))
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        orphans = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(orphans) == 2
        parent.kill()
    assert not psutil.wait_procs(orphans, timeout=60)[1]
    assert set(Path("/dev/shm").glob("torch_*")) <= before
