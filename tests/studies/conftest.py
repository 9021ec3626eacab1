"""A scale for trials of a second."""

from pathlib import Path

import pytest

from studies.language.scale_file import load_scale
from studies.training.devices import prepare_device
from studies.trials.scale import Scale


@pytest.fixture
def scale(tiny: Path) -> Scale:
    prepare_device("cpu")
    return load_scale(str(tiny))
