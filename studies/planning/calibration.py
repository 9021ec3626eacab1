"""How long training takes on this machine: a few steps of it, timed."""

import time
from typing import Any

from searchspace.cost.remembered import costs
from searchspace.expand import SpecError
from studies.training.data.root import require_data
from studies.training.devices import default_device, finish_work, prepare_device
from studies.trials.trial import TrialSpec

STEPS = 12  # of a calibration; the first quarter is not timed
MOST_WORK = {"cpu": 2e10, "cuda": 2e13}  # multiply-adds of a step that a device does in a second or so
PICTURES = 64  # most made-up pictures of a timed step


def can_calibrate(trial: TrialSpec, step_work: float, data_root: str | None = None) -> bool:
    """Whether the trial itself can be timed: its data are here, and a step takes no more than a second or so."""
    try:
        require_data(trial.data, data_root)
    except SpecError:
        return False
    return step_work <= MOST_WORK[default_device()]


def calibrate(trial: TrialSpec, data_root: str | None = None) -> float:
    """Seconds that a trial would take, from a few steps and one evaluation batch on this machine."""
    from studies.training.data.access import DataAccess
    from studies.training.execution import Execution
    from studies.training.trainer import Trainer

    device = default_device()
    prepare_device(device)
    alone = trial.model_copy(update={"teacher": None, "pretrained": None})
    trainer: Any = Trainer(alone, device, execution=Execution(access=DataAccess(data_root)))
    first = min(STEPS // 4, trainer.steps_per_epoch - 1)
    timed = min(STEPS - first, trainer.steps_per_epoch - first)
    if first:
        trainer.train_steps(first)
    finish_work(trainer.device)
    start = time.perf_counter()
    trainer.train_steps(timed)
    finish_work(trainer.device)
    step = (time.perf_counter() - start) / timed
    start = time.perf_counter()
    pictures = trainer.evaluate(limit=512)["test_pictures"]
    picture = (time.perf_counter() - start) / pictures
    full, interim = trial.data.test_size, trial.recipe.interim_test
    evaluated = full + (trial.recipe.epochs - 1) * (interim or full)
    taught = trainer.steps * trial.recipe.batch_size * picture if trial.teacher else 0.0
    trainer.source.close()
    return trainer.steps * step + evaluated * picture + taught


def seconds_of_picture(trial: TrialSpec) -> float:
    """Seconds of a picture in a training step of the trial's model, from a few steps on made-up pictures."""
    import torch
    from torch.nn.functional import cross_entropy

    from searchspace.build import build
    from studies.training.optimizing import make_optimizer
    from studies.training.precision import Precision

    name = default_device()
    prepare_device(name)
    device = torch.device(name)
    macs = costs([trial.model])[0]["macs"]
    count = max(2, min(PICTURES, trial.recipe.batch_size, int(MOST_WORK[name] / (3 * macs))))
    model = build(trial.model).to(device).train()
    optimizer, precision = make_optimizer(model, trial.recipe), Precision(trial.recipe.amp, device)
    x = torch.randn(count, trial.model.in_chans, *trial.model.img_size, device=device)
    y = torch.zeros(count, dtype=torch.int64, device=device)

    def step() -> None:
        with precision.autocast():
            logits = model(x)
            loss = cross_entropy(logits[0] if isinstance(logits, tuple) else logits, y)
        precision.backward(loss)
        precision.step(optimizer)
        optimizer.zero_grad()
        finish_work(device)

    step()
    timed, start = 3, time.perf_counter()
    for _ in range(timed):
        step()
    return (time.perf_counter() - start) / (timed * count)
