"""A study of many smallest trials on one Ray cluster of several nodes on this machine, and what its driver costs."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from studies.language.scale_file import FOLDER

NODES, SHARE = 4, 0.5  # nodes, each with one simulated GPU; of which a trial takes so much
SLOTS = round(NODES / SHARE)  # trials at a time
LOOK_SECONDS = 0.25
STUDY = {"study": "many", "base": "vit_s_16", "arms": {"ViT-S/16": {}}}
TINY = {"data": {"train_size": 64, "test_size": 64}, "recipe": {"epochs": 1, "interim_test": 64}}  # two steps


@dataclass(frozen=True)
class Look:
    """At the driver and at the head of the cluster: when, CPU seconds so far, and bytes of memory."""

    time: float
    cpu: float
    driver: int
    head: int


@dataclass(frozen=True)
class Run:
    """What was seen of a run: looks at its driver, and when each trial ended, with its seconds of training."""

    looks: list[Look]
    ends: list[tuple[float, float]]

    def at(self, trials: int) -> Look:
        """The first look after so many trials have ended."""
        when = self.ends[trials - 1][0]
        return next((look for look in self.looks if look.time >= when), self.looks[-1])

    def part(self, first: int, last: int) -> dict[str, float]:
        """Seconds a trial, from the end of one to the end of another."""
        count = last - first
        wall = self.ends[last - 1][0] - self.ends[first - 1][0]
        training = sum(seconds for _, seconds in self.ends[first:last])
        return {
            "wall": wall / count,
            "beside training": (SLOTS * wall - training) / count,
            "driver's CPU": (self.at(last).cpu - self.at(first).cpu) / count,
        }


@contextmanager
def cluster(folder: str) -> Iterator[str]:
    """A head without cores and the nodes, on this machine; the address. It ends with the block."""
    os.environ |= {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster

    ray = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(NODES):
            ray.add_node(num_cpus=round(1 / SHARE), num_gpus=1)  # as far as Ray knows
        yield ray.address
    finally:
        ray.shutdown()


def run(trials: int, folder: Path, address: str) -> Run:
    """Train so many on the cluster by the command line, and look at its driver meanwhile."""
    study, scale, runs = folder / "many.yaml", folder / "tiny.yaml", folder / "runs"
    study.write_text(yaml.safe_dump(STUDY))
    content: dict[str, Any] = yaml.safe_load((FOLDER / "digits.yaml").read_text())
    scale.write_text(yaml.safe_dump({**content, "scale": "tiny"} | {k: content[k] | v for k, v in TINY.items()}))
    command = [sys.executable, "-m", "studies.cli", "run", str(study), "--scale", str(scale)]
    command += ["--seeds", str(trials), "--runs-dir", str(runs), "--address", address, "--gpus-per-trial", str(SHARE)]
    head = next(p for p in psutil.Process().children(recursive=True) if p.name() == "gcs_server")
    looks = []
    with open(folder / "log", "w") as log:
        process = psutil.Popen(command, stdout=log, stderr=log)
        while process.poll() is None:
            try:
                used = process.cpu_times()
                looks.append(
                    Look(time.time(), used.user + used.system, process.memory_info().rss, head.memory_info().rss)
                )
            except psutil.NoSuchProcess:
                break
            time.sleep(LOOK_SECONDS)
    if process.wait():
        raise RuntimeError((folder / "log").read_text()[-2000:])
    paths = list(runs.glob("trials/*/result.json"))
    ends = sorted((path.stat().st_mtime, json.loads(path.read_text())["seconds"]) for path in paths)
    if len(ends) != trials:
        raise RuntimeError(f"{len(ends)} of {trials} trials are done")
    return Run(looks, ends)
