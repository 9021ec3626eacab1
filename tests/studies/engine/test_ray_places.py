"""What Ray Tune has in hand before the first trial starts, and what Ray leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own, whose environment nothing else has changed.
SCRIPT = """
import json, os, sys, threading
from queues import MODEL, SCALE, Told, queue
from studies.engine.cluster import Cluster
from studies.engine.options import Options
from studies.engine.ray import run_ray
from studies.store.store import Store
from studies.trials.trial import TrialSpec

class Seen(Told):
    def started(self, trial_id):
        given.append(len(asked.given))

    def epoch(self, trial_id, record):
        pass

data = SCALE.data.model_copy(update={"train_size": 64, "test_size": 64})
recipe = SCALE.recipe.model_copy(update={"epochs": 1})
trials = [TrialSpec(model=MODEL, data=data, recipe=recipe, seed=seed) for seed in range(4)]
given, seen = [], Seen()
store = Store(sys.argv[1])
asked = queue(store, seen, dict.fromkeys(trials, 1.0))
before = dict(os.environ)
run_ray(store, asked, Options("ours", on_cpu=True), Cluster(jobs=2), threading.Event(), lambda: None)
left = sorted(name for name, value in os.environ.items() if before.get(name) != value)
print(json.dumps({"given": given, "ends": [end[:2] for end in seen.ends], "left": left}))
"""


@pytest.mark.slow
def test_tune_has_a_trial_for_each_place_and_one_more_when_the_first_starts(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "runs")]
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run(
        command, env=environment | paths, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["given"][0] == 3, "by itself, Tune would wait for each worker before it asks for the next"
    assert len({trial for _, trial in told["ends"]}) == 4
    assert {how for how, _ in told["ends"]} == {"done"}
    assert told["left"] == [], "of the environment: `ray.init` sets PYTHONBREAKPOINT, and a mode of authentication"
