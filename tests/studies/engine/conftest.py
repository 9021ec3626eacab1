"""A store, and what a queue tells a run."""

from pathlib import Path

import pytest
from queues import Told

from studies.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.files.look_seconds = 0.0  # a look is cheap here
    return store


@pytest.fixture
def told() -> Told:
    return Told()
