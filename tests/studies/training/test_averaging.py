"""The moving average of the weights."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load
from trainings import trial

from studies.language.scale_file import load_scale
from studies.training.trainer import Trainer
from studies.trials.recipe import Ema
from studies.trials.scale import Scale


def trainer(scale: Scale, **recipe: object) -> Trainer:
    return Trainer(trial(scale, "vit_s_16", **recipe))


def test_the_average_is_what_is_evaluated_and_kept_and_the_model_trains_as_without(scale: Scale) -> None:
    plain, averaged = trainer(scale), trainer(scale, ema=Ema(decay=0.8))
    expected = {name: value.clone() for name, value in averaged.model.state_dict().items()}
    while not averaged.done:
        for _ in range(averaged.steps_per_epoch - 1):
            averaged.train_steps(1)
            decay = 0.0 if averaged.step == 1 else 0.8
            for name, value in averaged.model.state_dict().items():
                expected[name] = decay * expected[name] + (1 - decay) * value
        averaged.train_epoch()
        for name, value in averaged.model.state_dict().items():
            expected[name] = 0.8 * expected[name] + 0.2 * value
        plain.train_epoch()
    for name, value in plain.model.state_dict().items():
        assert torch.equal(averaged.model.state_dict()[name], value)
    kept = load(averaged.weights())
    assert all(torch.allclose(kept[name], value, atol=1e-6) for name, value in expected.items())
    assert averaged.history[-1]["train_loss"] == plain.history[-1]["train_loss"]
    assert averaged.history[-1]["loss"] != plain.history[-1]["loss"]


def test_an_average_over_more_steps_than_the_run_has_is_refused(tiny: Path) -> None:
    text = tiny.read_text().replace("recipe:", "recipe:\n  ema: {decay: 0.99996}")
    tiny.write_text(text)
    with pytest.raises(
        Exception, match=r"recipe\.ema\.decay 0\.99996 averages over 25,000 steps, and the run has 8: .* warmup: true"
    ):
        load_scale(str(tiny))
    tiny.write_text(text.replace("0.99996", "0.99996, warmup: true"))
    assert load_scale(str(tiny)).recipe.ema == Ema(decay=0.99996, warmup=True)
    with pytest.raises(ValidationError):
        Ema(decay=1.0)
