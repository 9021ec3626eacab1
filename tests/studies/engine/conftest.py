"""A store, what a queue tells a run, and a trial for several devices."""

from pathlib import Path

import pytest
from parenthood import trial as asked
from queues import Told
from together import VIT

from studies.language.scale_file import load_scale
from studies.store.store import Store
from studies.training.devices import prepare_device
from studies.trials.recipe import Augment, Ema
from studies.trials.trial import TrialSpec


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.files.look_seconds = 0.0  # a look is cheap here
    return store


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def trial(tiny: Path) -> TrialSpec:
    prepare_device("cpu")
    return asked(load_scale(str(tiny)), VIT, epochs=3, ema=Ema(decay=0.5), augment=Augment(mixup=0.8, cutmix=1.0))
