"""The training loop: resumption, schedules, what stays and what moves."""

import copy
from pathlib import Path

import pytest
import torch
from trainings import finish, trial

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.scale_file import load_scale
from studies.store.checkpoints import load_checkpoint, save_checkpoint
from studies.store.store import Store
from studies.training.devices import prepare_device
from studies.training.evaluation import evaluate
from studies.training.seeding import seed_all
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec


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


def test_a_trial_of_one_step_says_nothing(scale: Scale, caplog: pytest.LogCaptureFixture) -> None:
    one = scale.recipe.model_copy(update={"epochs": 1, "batch_size": scale.data.train_size})
    trainer = Trainer(trial(scale).model_copy(update={"recipe": one}))
    assert trainer.steps == 1
    trainer.train_epoch()
    assert caplog.messages == [], "timm has something to say of a cosine of one step"


def test_seed_all_is_a_function_of_seed_and_names() -> None:
    def draw(*names: object) -> float:
        seed_all(*names)  # type: ignore[arg-type]
        return torch.rand(1).item()

    assert draw(0, "a", 1) == draw(0, "a", 1)
    assert len({draw(0, "a", 1), draw(0, "a", 2), draw(1, "a", 1), draw(0, "b", 1)}) == 4


def test_an_evaluation_ticks_after_each_batch(scale: Scale) -> None:
    trainer = Trainer(trial(scale))
    ticks = []
    trainer.tick = lambda: ticks.append(trainer.step)
    trainer.train_epoch()
    steps = trainer.steps_per_epoch
    assert ticks[:steps] == list(range(1, steps + 1))
    assert len(ticks) == steps + -(-trainer.trial.data.test_size // 512)
