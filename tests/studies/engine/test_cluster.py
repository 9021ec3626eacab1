"""What a trial asks of a cluster, and what is ended with a Ray that died."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from searchspace.expand import SpecError
from studies.engine.cluster import Cluster, children, kill

CORES, GPUS = {"CPU": 8.0}, {"CPU": 8.0, "GPU": 2.0}
T4 = {"CPU": 4.0, "GPU": 1.0, "accelerator_type:T4": 1.0}


@pytest.mark.parametrize(
    ("asked", "nodes", "gpus"),
    [
        ({}, [CORES], 0.0),
        ({}, [CORES, GPUS], 1.0),
        ({"device_type": "T4"}, [CORES, T4], 1.0),
        ({"device_type": "T4"}, [GPUS, {**CORES, "accelerator_type:T4": 1.0}], 0.0),
        ({"gpus_per_trial": 0.0}, [GPUS], 0.0),
        ({"gpus_per_trial": 0.5}, [CORES], 0.5),
    ],
)
def test_the_nodes_decide_whether_a_trial_takes_a_gpu(asked: dict, nodes: list, gpus: float) -> None:
    cluster = Cluster(jobs=None, **{"gpus_per_trial": None, **asked}).settled(nodes)
    assert cluster.resources()["GPU"] == gpus


def test_a_trial_asks_for_its_cores() -> None:
    cluster = Cluster(jobs=3, cpus_per_trial=4)
    assert cluster.resources()["CPU"] == 4
    assert cluster.cores == 12
    with pytest.raises(SpecError, match=r"asks for 4 CPU and 0 GPU\(s\), and no node of the cluster has that"):
        cluster.check([{"CPU": 2.0}, {"CPU": 3.0}])
    assert Cluster(jobs=3, cpus_per_trial=0.5).cores == 2


@pytest.mark.parametrize(
    ("asked", "nodes", "places"),
    [
        ({}, [CORES, GPUS], 16),
        ({"cpus_per_trial": 3.0}, [CORES, CORES], 4),  # two cores of each node are too few for a third
        ({"gpus_per_trial": 0.5}, [CORES, GPUS, T4], 6),
        ({"gpus_per_trial": 0.6}, [GPUS, GPUS], 4),  # no share is of two GPUs
        ({"gpus_per_trial": 1.0, "device_type": "T4"}, [GPUS, T4], 1),
        ({"gpus_per_trial": 1.0, "devices": 2}, [GPUS, T4], 1),  # three GPUs, and a trial may be on several nodes
        ({"gpus_per_trial": 1.0}, [CORES], 0),
    ],
)
def test_as_many_trials_at_a_time_as_the_nodes_have_places(asked: dict, nodes: list, places: int) -> None:
    assert Cluster(jobs=None, **asked).places(nodes) == places


@pytest.mark.parametrize(
    ("asked", "places", "running", "most"),
    [
        ({"jobs": 2}, 2, 0, 3),
        ({"jobs": 3, "cpus_per_trial": 0.5}, 4, 3, 3),  # Ray takes whole cores: a fourth would run, not wait
        ({"jobs": None, "address": "auto"}, 8, 0, 9),
        ({"jobs": None, "address": "auto"}, 8, 12, 13),  # four more since the start
        ({"jobs": 4, "address": "auto"}, 8, 4, 4),
        ({"jobs": 4, "address": "auto"}, 2, 2, 3),
    ],
)
def test_one_trial_more_than_can_run_waits_in_tune(asked: dict, places: int, running: int, most: int) -> None:
    assert Cluster(**asked).most(places, running) == most


def test_variables_are_for_the_processes_that_are_started_within(monkeypatch: pytest.MonkeyPatch) -> None:
    from studies.engine.ray.session import environment

    show = [sys.executable, "-c", "import os; print(os.environ['STUDIES_A'], os.environ['STUDIES_B'])"]
    monkeypatch.setenv("STUDIES_A", "as it was")
    monkeypatch.delenv("STUDIES_B", raising=False)
    with environment({"STUDIES_A": "a", "STUDIES_B": "b"}):
        assert subprocess.run(show, check=True, capture_output=True, text=True).stdout == "a b\n"
    assert os.environ["STUDIES_A"] == "as it was"
    assert "STUDIES_B" not in os.environ


def test_early_stopping_judges_a_trial_within_its_group_only() -> None:
    from ray.tune.schedulers import TrialScheduler

    from studies.engine.ray.scheduling import WithinGroups

    scheduler = WithinGroups(Cluster(jobs=1, early_stop=True))

    def epoch(name: str, group: str, top1: float, number: int = 1) -> str:
        trial = SimpleNamespace(trial_id=name, config={"task": {"group": group}})
        scheduler.on_trial_add(None, trial)
        return scheduler.on_trial_result(None, trial, {"epoch": number, "top1": top1})

    assert epoch("a", "good", 90.0) == TrialScheduler.CONTINUE
    assert epoch("b", "good", 80.0) == TrialScheduler.STOP
    assert epoch("c", "poor", 10.0) == TrialScheduler.CONTINUE, "no trial of its own group is better"
    assert epoch("d", "poor", 5.0) == TrialScheduler.STOP


def test_grace_period_and_reduction_factor_are_those_asked_for() -> None:
    from ray.tune.schedulers import TrialScheduler

    from studies.engine.ray.scheduling import WithinGroups

    scheduler = WithinGroups(Cluster(jobs=1, early_stop=True, grace_period=3, reduction_factor=4.0))
    decisions = {}
    for name, top1 in (("a", 90.0), ("b", 10.0)):
        trial = SimpleNamespace(trial_id=name, config={"task": {"group": ""}})
        scheduler.on_trial_add(None, trial)
        decisions[name] = [scheduler.on_trial_result(None, trial, {"epoch": n, "top1": top1}) for n in (1, 2, 3)]
    go_on = TrialScheduler.CONTINUE
    assert decisions == {"a": [go_on] * 3, "b": [go_on, go_on, TrialScheduler.STOP]}


def test_only_what_was_started_since_is_ended_and_all_that_it_has_started() -> None:
    sleeping = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    spared = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    before = children()
    started = subprocess.Popen([sys.executable, "-c", f"{sleeping}print(flush=True); time.sleep(60)"], stdout=-1)
    try:
        assert started.stdout is not None
        started.stdout.readline()
        new = [process for process in children() if process not in before]
        assert [process.pid for process in new] == [started.pid]
        below = psutil.Process(started.pid).children(recursive=True)
        assert below
        kill(new)
        assert started.wait(timeout=10) != 0
        assert not psutil.wait_procs(below, timeout=10)[1]
        assert spared.poll() is None
    finally:
        started.kill()
        spared.kill()
        spared.wait()
