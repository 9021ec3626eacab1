"""A run on a Ray cluster of several nodes, on one machine."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support import Studies, StudyFile, accuracies, one_line, start, wait_for_checkpoint

Cluster = Callable[..., "object"]


@pytest.fixture
def cluster(environment: dict[str, str]) -> Iterator[Cluster]:
    """Make a cluster of a head without cores and a node for each set of resources."""
    from ray.cluster_utils import Cluster as RayCluster

    made = []

    def make(*nodes: dict[str, float]) -> RayCluster:
        ray = RayCluster(initialize_head=True, head_node_args={"num_cpus": 0})
        made.append(ray)
        for resources in nodes:
            ray.add_node(num_cpus=1, resources=resources)
        return ray

    yield make
    for ray in made:
        ray.shutdown()


@pytest.fixture
def long(tiny: Path) -> Path:
    """A scale whose trials take some seconds."""
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 40"))
    return tiny


@pytest.mark.slow
def test_a_node_that_is_killed_in_the_middle_costs_at_most_an_epoch(
    studies: Studies,
    study_file: StudyFile,
    long: Path,
    tmp_path: Path,
    environment: dict[str, str],
    cluster: Cluster,
) -> None:
    study = str(study_file())
    at = ("--scale", str(long), "--seeds", "2")
    whole = studies("run", study, *at, "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    ray = cluster({}, {})
    command = ["run", study, *at, "--runs-dir", "killed", "--address", ray.address]  # type: ignore[attr-defined]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    ray.remove_node(next(iter(ray.worker_nodes)), allow_graceful=False)  # type: ignore[attr-defined]
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert f"on the cluster at {ray.address}" in errors  # type: ignore[attr-defined]
    assert "raylet" not in out + errors, "Ray's own log of what died is not printed"
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")
    assert out == whole.stdout


@pytest.mark.slow
def test_trials_keep_to_a_kind_of_device_and_one_that_is_not_there_is_refused(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path, cluster: Cluster
) -> None:
    ray = cluster({"accelerator_type:A100": 1}, {"accelerator_type:T4": 1})
    command = ["run", str(study_file()), "--scale", str(tiny), "--seeds", "1"]
    command += ["--address", ray.address]  # type: ignore[attr-defined]
    refused = studies(*command, "--device-type", "H100")
    assert "no node of the cluster has that: they have" in refused.stderr
    assert "of type A100, T4" in refused.stderr
    assert refused.returncode == 2
    done = studies(*command, "--device-type", "T4")
    assert done.returncode == 0, done.stderr
    assert len(accuracies(tmp_path / "runs")) == 2


@pytest.mark.slow
def test_a_cluster_whose_head_dies_is_left_after_the_silence_that_was_asked_for(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str], cluster: Cluster
) -> None:
    ray = cluster({})
    command = ["run", str(study_file()), "--scale", str(long), "--seeds", "1"]
    at = ["--address", ray.address, "--cluster-silence", "8"]  # type: ignore[attr-defined]
    process = start([*command, *at], tmp_path, environment)
    wait_for_checkpoint(tmp_path / "runs", process)
    heads = [child for child in psutil.Process().children(recursive=True) if child.name() == "gcs_server"]
    for head in heads:
        head.send_signal(signal.SIGKILL)
    assert heads
    _, errors = process.communicate(timeout=40)  # the default silence alone is longer
    assert process.returncode == 1
    assert "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("studies: Ray")
    assert last.endswith("what is trained is kept, the same command goes on from there")
    rest = studies(*command)
    assert rest.returncode == 0, rest.stderr


@pytest.mark.slow
def test_an_address_where_nobody_listens_is_one_line(studies: Studies, study_file: StudyFile, tiny: Path) -> None:
    command = ["run", str(study_file()), "--scale", str(tiny), "--seeds", "1", "--address"]
    assert "no Ray cluster at --address 127.0.0.1:9" in studies(*command, "127.0.0.1:9").stderr
    assert "--address is HOST:PORT" in studies(*command, "nowhere").stderr
    inline = studies(*command, "127.0.0.1:9", "--executor", "inline")
    assert "leave out --address" in one_line(inline)


@pytest.mark.slow
def test_whether_a_trial_takes_a_gpu_is_the_clusters_answer_not_this_machines(
    studies: Studies, study_file: StudyFile, tiny: Path, cluster: Cluster
) -> None:
    ray = cluster({})
    ray.add_node(num_cpus=1, num_gpus=1)  # type: ignore[attr-defined] # as far as Ray knows
    command = ["run", str(study_file()), "--scale", str(tiny), "--seeds", "1"]
    command += ["--address", ray.address, "--cpus-per-trial", "2"]  # type: ignore[attr-defined]
    refused = studies(*command)
    assert refused.returncode == 2
    assert "a trial asks for 2 CPU and 1 GPU(s), and no node of the cluster has that" in refused.stderr
    assert "2 CPU and 0 GPU(s)" in studies(*command, "--gpus-per-trial", "0").stderr
