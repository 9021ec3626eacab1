import copy
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.engine import saver
from studies.engine.events import LeaseLostError, StoppedError, TrialFailedError, reason
from studies.engine.inline import run_inline
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.engine.worker import train
from studies.language.scale_file import load_scale
from studies.store.checkpoints import load_checkpoint, save_checkpoint
from studies.store.leases import acquire, newest
from studies.store.store import Store
from studies.training.devices import prepare_device
from studies.training.errors import TrainingError
from studies.training.evaluation import evaluate
from studies.training.seeding import seed_all
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

TIMES = {"seconds", "train_seconds", "images_per_second"}


@pytest.fixture
def scale(tiny: Path) -> Scale:
    prepare_device("cpu")
    return load_scale(str(tiny))


def trial(scale: Scale, name: str = "t2t_vit_14", seed: int = 0, **recipe: object) -> TrialSpec:
    model = shrink(preset(name), scale.shrink, 16, 3, 10)
    return TrialSpec(model=model, data=scale.data, recipe=scale.recipe.model_copy(update=recipe), seed=seed)


def numbers(history: list[dict]) -> list[dict]:
    """A history without what the clock says."""
    return [{k: v for k, v in record.items() if k not in TIMES} for record in history]


def finish(trainer: Trainer) -> list[dict]:
    while not trainer.done:
        trainer.train_epoch()
    return numbers(trainer.history)


@pytest.mark.parametrize("name", ["t2t_vit_14", "vit_se", "resnet50"])
def test_a_resumed_trial_ends_with_the_numbers_of_an_uninterrupted_one(scale: Scale, name: str, tmp_path: Path) -> None:
    asked = trial(scale, name, epochs=3)
    store = Store(tmp_path)
    first = Trainer(asked)
    first.train_epoch()
    save_checkpoint(store, asked.id, first.step, first.state_dict())
    whole = finish(first)

    torch.manual_seed(12345)
    second = Trainer(asked)
    state = load_checkpoint(store, asked.id)
    assert state is not None
    second.load_state_dict(state)
    assert second.epochs_done == 1
    assert finish(second) == whole
    for a, b in zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_holds_model_optimizer_and_schedule_and_needs_no_random_state(scale: Scale) -> None:
    trainer = Trainer(trial(scale))
    trainer.train_epoch()
    state = trainer.state_dict()
    assert {"model", "optimizer", "scheduler", "step", "history"} <= set(state)
    assert state["step"] == 4
    state = copy.deepcopy(state)
    ended = finish(trainer)
    torch.manual_seed(1)
    again = Trainer(trial(scale))
    again.load_state_dict(state | {"random": "of an earlier version, which kept them"})
    assert finish(again) == ended


def test_seeds_differ_and_a_seed_repeats(scale: Scale) -> None:
    assert finish(Trainer(trial(scale, seed=1))) == finish(Trainer(trial(scale, seed=1)))
    assert finish(Trainer(trial(scale, seed=1))) != finish(Trainer(trial(scale, seed=2)))


def test_the_learning_rate_warms_up_and_ends_near_its_minimum(scale: Scale) -> None:
    trainer = Trainer(trial(scale, epochs=10, warmup_fraction=0.25))
    rates = []
    for _ in range(10):
        for _ in range(trainer.steps_per_epoch):
            rates.append(trainer.optimizer.param_groups[0]["lr"])
            trainer.train_steps(1)
    peak = rates.index(max(rates))
    assert peak == 10
    assert max(rates) == pytest.approx(0.002, rel=0.2)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[0] < 0.1 * max(rates) * 2
    assert rates[-1] < 0.02 * max(rates)


def test_frozen_parameters_stay_and_others_move(scale: Scale) -> None:
    trainer = Trainer(trial(scale))
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    trainer.train_epoch()
    for name, parameter in trainer.model.named_parameters():
        assert torch.equal(parameter, before[name]) != parameter.requires_grad, name


@pytest.mark.slow
def test_training_learns_the_digits() -> None:
    prepare_device("cpu")
    scale = load_scale("digits")
    data = scale.data.model_copy(update={"train_size": 2048, "test_size": 512})
    model = shrink(preset("t2t_vit_14"), scale.shrink, 16, 3, 10)
    recipe = scale.recipe.model_copy(update={"epochs": 3})
    history = finish(Trainer(TrialSpec(model=model, data=data, recipe=recipe, seed=0)))
    assert history[-1]["top1"] > 40
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_evaluation_counts_hits_over_batches_of_unequal_size() -> None:
    from studies.training.data.pixels import Pictures
    from studies.training.data.source import TensorSource

    class Half(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(x[:, 0, 0, 0].long(), 10).float()

    y = torch.arange(1030) % 10
    x = torch.where(torch.arange(1030) % 2 == 0, y, (y + 1) % 10).float()[:, None, None, None]
    figures = evaluate(Half(), TensorSource(Pictures(x, y), Pictures(x, y)).test_batches())
    assert figures["top1"] == 50.0
    assert figures["test_pictures"] == 1030


class Told:
    """Events of a run, kept."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    def started(self, trial_id: str) -> None: ...

    def epoch(self, trial_id: str, record: dict) -> None: ...

    def done(self, trial_id: str, result: dict, here: bool) -> None:
        self.ended[trial_id] = "done"

    def failed(self, trial_id: str, reason: str) -> None:
        self.ended[trial_id] = reason

    def pruned(self, trial_id: str, epoch: int) -> None: ...

    def held_elsewhere(self, trials: Sequence[str]) -> None: ...


def test_a_trial_of_one_step_says_nothing(scale: Scale, caplog: pytest.LogCaptureFixture) -> None:
    one = scale.recipe.model_copy(update={"epochs": 1, "batch_size": scale.data.train_size})
    trainer = Trainer(trial(scale).model_copy(update={"recipe": one}))
    assert trainer.steps == 1
    trainer.train_epoch()
    assert caplog.messages == [], "timm has something to say of a cosine of one step"


DIVERGES = {"lr": 1000.0, "weight_decay": 1000.0}  # a step multiplies the weights by a million


def run(store: Store, *trials: TrialSpec) -> dict[str, str]:
    """Train trials inline; how each ended."""
    for asked in trials:
        store.plan(asked)
    told = Told()
    queue = Queue(store, trials, {asked.id: 1.0 for asked in trials}, told, "run")
    run_inline(store, queue, Options("run"), threading.Event())
    return told.ended


def test_a_loss_that_is_no_number_fails_the_trial_alone(scale: Scale, tmp_path: Path) -> None:
    store = Store(tmp_path)
    bad, good = trial(scale, seed=1, **DIVERGES), trial(scale, seed=2)
    told = run(store, bad, good)
    assert told[good.id] == "done"
    assert "TrainingError" in told[bad.id]
    assert "lower lr" in told[bad.id]
    assert store.state(bad.id) == "failed"
    assert store.state(good.id) == "done"
    failure = store.failure(bad.id)
    assert failure is not None
    assert "Traceback" in Path(failure["traceback"]).read_text()


def test_a_trial_that_failed_is_not_tried_again_in_the_same_run(scale: Scale, tmp_path: Path) -> None:
    store, bad = Store(tmp_path), trial(scale, seed=1, **DIVERGES)
    run(store, bad)
    with pytest.raises(TrialFailedError, match="lower lr"):
        list(train(store, bad.id, Options("run")))
    with pytest.raises(TrainingError):
        list(train(store, bad.id, Options("another run")))


def test_a_generator_that_is_dropped_leaves_a_checkpoint_to_go_on_from(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale, epochs=3), Store(tmp_path)
    store.plan(asked)
    records = train(store, asked.id, Options("run"))
    next(records)
    assert store.state(asked.id) == "running"
    records.close()
    assert store.state(asked.id) == "planned"
    rest = list(train(store, asked.id, Options("run")))
    assert [record["epoch"] for record in rest] == [2, 3]
    result = store.result(asked.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(asked))
    assert not list(tmp_path.glob("trials/*/checkpoint-*"))


def test_a_wish_to_stop_is_heard_within_an_epoch_and_the_numbers_stay(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale, epochs=2), Store(tmp_path)
    store.plan(asked)
    for _ in range(2):  # each attempt trains one step
        stopping = threading.Event()
        stopping.set()
        with pytest.raises(StoppedError):
            list(train(store, asked.id, Options("run"), stopping))
    (path,) = tmp_path.glob("trials/*/checkpoint-*")
    assert path.name.startswith("checkpoint-2-")
    list(train(store, asked.id, Options("run")))
    result = store.result(asked.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(asked))


def test_checkpoints_within_an_epoch_come_as_often_as_asked(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, store = trial(scale, epochs=1), Store(tmp_path)
    store.plan(asked)
    steps = []
    monkeypatch.setattr(saver, "save_checkpoint", lambda *a: (steps.append(a[2]), save_checkpoint(*a))[1])
    list(train(store, asked.id, Options("run", checkpoint_every=1e-9)))
    per_epoch = Trainer(asked).steps_per_epoch
    assert steps == list(range(1, per_epoch))
    result = store.result(asked.id)
    assert result is not None
    assert numbers(result["history"]) == finish(Trainer(asked))


def test_a_trial_that_another_run_takes_over_is_left_to_it(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale, epochs=3), Store(tmp_path)
    store.plan(asked)
    records = train(store, asked.id, Options("one"))
    next(records)
    held = newest(store.files, asked.id)
    assert held is not None
    lease = acquire(store.files, asked.id, "two", dead=held[1].token)  # as a run does that takes the first for dead
    assert lease is not None
    with pytest.raises(LeaseLostError):
        list(records)
    assert lease.held(), "what was taken over is not released by the one that lost it"
    with pytest.raises(LeaseLostError):
        list(train(store, asked.id, Options("three")))


def test_what_is_done_is_not_trained_again(scale: Scale, tmp_path: Path) -> None:
    asked, store = trial(scale), Store(tmp_path)
    run(store, asked)
    before = store.result(asked.id)
    assert list(train(store, asked.id, Options("again"))) == []
    assert store.result(asked.id) == before


def test_seed_all_is_a_function_of_seed_and_names() -> None:
    def draw(*names: object) -> float:
        seed_all(*names)  # type: ignore[arg-type]
        return torch.rand(1).item()

    assert draw(0, "a", 1) == draw(0, "a", 1)
    assert len({draw(0, "a", 1), draw(0, "a", 2), draw(1, "a", 1), draw(0, "b", 1)}) == 4


def test_a_reason_is_one_line() -> None:
    assert reason(TrainingError("two\nlines")) == "TrainingError: two lines"
    assert reason(KeyError()) == "KeyError"


def test_an_evaluation_ticks_after_each_batch(scale: Scale) -> None:
    trainer = Trainer(trial(scale))
    ticks = []
    trainer.tick = lambda: ticks.append(trainer.step)
    trainer.train_epoch()
    steps = trainer.steps_per_epoch
    assert ticks[:steps] == list(range(1, steps + 1))
    assert len(ticks) == steps + -(-trainer.trial.data.test_size // 512)
