"""A trial, and a store of each kind."""

from pathlib import Path

import pytest
from stores import TRIAL, in_memory

from studies.store.store import Store
from studies.trials.trial import TrialSpec


@pytest.fixture
def trial() -> TrialSpec:
    return TRIAL


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" if request.param == "local" else in_memory())
