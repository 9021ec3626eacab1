"""How many trials a machine takes at a time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studies.planning.machine import default_jobs
from studies.training.devices import fit_on_gpus


@given(st.integers(0, 16), st.floats(0.01, 1.0))
def test_shares_of_a_gpu_fit_into_each_gpu_by_itself(gpus: int, share: float) -> None:
    fit = fit_on_gpus(gpus, share)
    assert fit == gpus * fit_on_gpus(1, share)
    assert fit * share <= gpus < fit * share + gpus * share + 1e-9


@pytest.mark.parametrize(
    ("share", "devices", "jobs"), [(1.0, 1, 4), (0.5, 1, 8), (0.6, 1, 4), (1.0, 2, 2), (1.0, 8, 1)]
)
def test_as_many_trials_at_a_time_as_gpus_take(
    share: float, devices: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert default_jobs(share, devices=devices) == jobs
