"""A scale for trials of a second."""

from pathlib import Path

import pytest

from studies.language.scale_file import load_scale
from studies.training.devices import use_one_thread
from studies.trials.scale import Scale


@pytest.fixture
def scale(tiny: Path) -> Scale:
    use_one_thread()
    return load_scale(str(tiny))
