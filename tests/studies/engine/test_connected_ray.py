"""A run in a process that is connected to a Ray already, as a notebook may be."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# In a process of its own, that has a Ray of its own.
SCRIPT = """
import json, socket, sys
import ray
import studies
from searchspace.expand import SpecError

study, scale, runs = sys.argv[1:]
theirs = ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False).address_info["gcs_address"]
frame = studies.run(study, scale=scale, runs_dir=runs, seeds=1, only="a")
listening = socket.create_server(("127.0.0.1", 0))
other = "127.0.0.1:%d" % listening.getsockname()[1]
try:
    refused = studies.run(study, scale=scale, runs_dir=runs, seeds=1, only="b", address=other)
except SpecError as error:
    refused = str(error)
found = ray.is_initialized() and ray.get_runtime_context().gcs_address == theirs
told = {"status": frame["status"].tolist(), "lives": found, "theirs": theirs, "other": other, "refused": refused}
print(json.dumps(told))
"""


@pytest.mark.slow
def test_the_ray_that_a_process_is_connected_to_is_used_and_stays(
    study_file: Callable[..., Path], tiny: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(study_file()), str(tiny), str(tmp_path / "runs")]
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run(
        command, env=environment | paths, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["status"][0] == "done"
    assert f"on the cluster at {told['theirs']}" in ran.stderr
    assert told["lives"], "who has started a Ray may use it afterwards"
    where = f"this process is connected to the Ray at {told['theirs']}, not at {told['other']}"
    assert told["refused"] == f"{where}: `ray.shutdown()` leaves it"
