"""A trial, and files and a store of each kind."""

import uuid
from pathlib import Path

import pytest
from stores import TRIAL, in_memory

from studies.store.files import Files, open_files
from studies.store.store import Store
from studies.trials.trial import TrialSpec


@pytest.fixture
def trial() -> TrialSpec:
    return TRIAL


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" if request.param == "local" else in_memory())


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return open_files(tmp_path / "root" if request.param == "local" else f"memory://{uuid.uuid4().hex}/root")
