"""What Ray Tune has in hand before the first trial starts."""

import threading
from pathlib import Path
from typing import Any

import pytest
from queues import MODEL, SCALE, Told, queue

from studies.engine.cluster import Cluster
from studies.engine.options import Options
from studies.store.store import Store
from studies.trials.trial import TrialSpec


@pytest.mark.slow
def test_tune_has_a_trial_for_each_place_and_one_more_when_the_first_starts(tmp_path: Path) -> None:
    from studies.engine.ray import run_ray

    class Seen(Told):
        def __init__(self) -> None:
            super().__init__()
            self.given: list[int] = []

        def started(self, trial_id: str) -> None:
            self.given.append(len(asked.given))

        def epoch(self, trial_id: str, record: dict[str, Any]) -> None:
            pass

    data = SCALE.data.model_copy(update={"train_size": 64, "test_size": 64})
    recipe = SCALE.recipe.model_copy(update={"epochs": 1})
    trials = [TrialSpec(model=MODEL, data=data, recipe=recipe, seed=seed) for seed in range(4)]
    store, seen = Store(str(tmp_path / "runs")), Seen()
    asked = queue(store, seen, dict.fromkeys(trials, 1.0))
    cluster = Cluster(jobs=2, gpus_per_trial=0.0)
    run_ray(store, asked, Options("ours", on_cpu=True), cluster, threading.Event(), lambda: None)
    assert seen.given[0] == 3, "by itself, Tune would wait for each worker before it asks for the next"
    assert sorted(end[:2] for end in seen.ends) == sorted(("done", trial.id) for trial in trials)
