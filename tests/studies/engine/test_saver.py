"""Checkpoints that are written beside the training."""

import threading

import pytest
import torch
from stores import checkpoints

from studies.engine import saver as module
from studies.engine.saver import Saver
from studies.store.checkpoints import load_checkpoint, save_checkpoint
from studies.store.files import StoreError
from studies.store.store import Store

STATE = {"model": {"w": torch.arange(6.0)}, "optimizer": [{"m": torch.ones(2)}], "step": 3, "history": [{"top1": 1.0}]}


@pytest.mark.parametrize("beside", [False, True])
def test_a_state_is_read_as_it_was_when_it_was_saved(store: Store, beside: bool) -> None:
    saver, weights = Saver(store, "a", beside), torch.arange(6.0)
    saver.save(3, STATE | {"model": {"w": weights}})
    weights.zero_()  # the training goes on
    saver.wait()
    state = load_checkpoint(store, "a")
    assert state is not None
    assert torch.equal(state["model"]["w"], torch.arange(6.0))
    assert (state["step"], state["history"]) == (3, [{"top1": 1.0}])


def test_the_training_goes_on_while_a_state_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()

    def slow(*arguments: object) -> None:
        assert may_write.wait(60)
        save_checkpoint(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "save_checkpoint", slow)
    saver = Saver(store, "a", beside=True)
    saver.save(3, STATE)
    assert checkpoints(store, "a") == []
    may_write.set()
    saver.save(4, STATE)  # waits for the one before
    saver.wait()
    assert [name.split("-")[1] for name in checkpoints(store, "a")] == ["4"]


def test_an_error_in_the_thread_is_raised_where_the_training_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(module, "save_checkpoint", full)
    saver = Saver(store, "a", beside=True)
    saver.save(3, STATE)
    with pytest.raises(StoreError, match="no space left"):
        saver.wait()
    saver.wait()


def test_a_checkpoint_is_written_piece_by_piece(store: Store) -> None:
    pieces: list[int] = []

    def write(file: object) -> None:
        for _ in range(8):
            pieces.append(file.write(b"x" * 1000))  # type: ignore[attr-defined]

    name = store.files.write_hashed("trials/a", write, lambda sha256: f"f-{sha256[:4]}")
    assert store.files.read(f"trials/a/{name}") == b"x" * 8000
    assert store.files.names("trials/a") == [name]
    assert pieces == [1000] * 8
