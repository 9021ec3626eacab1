"""Where trials run, what each takes there, and whether the place still lives. No Ray here."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil

import psutil

from searchspace.expand import SpecError
from studies.training.devices import fit_on_gpus

TYPE = "accelerator_type:"  # how Ray's resources begin that name a kind of accelerator
LOOK_SECONDS = 5.0


def connected() -> str | None:
    """Address of the Ray that this process is connected to, as a notebook may be by `ray.init`; none: to none."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().gcs_address if ray and ray.is_initialized() else None


@dataclass(frozen=True)
class Cluster:
    """Where trials run, and what each takes.

    Attributes:
        jobs: trials at a time; none: as many as a running cluster takes.
        gpus_per_trial: a GPU, or a share of one, for each process of a trial; none: one if a node that a trial may run
            on has any.
        cpus_per_trial: cores that each process of a trial keeps from others.
        devices: that train a trial together, a process each.
        address: of a running cluster; none: a Ray of our own on this machine.
        device_type: accelerator type that a trial is to run on, as Ray names it (A100, H100); none: any.
        silence: seconds without an answer after which a Ray is taken for dead.
        early_stop: stop the worse of a group's trials early, by ASHA (Li et al., arXiv 1810.05934).
        grace_period: epochs that every trial is left.
        reduction_factor: one in so many trials goes on beyond each rung.
    """

    jobs: int | None
    gpus_per_trial: float | None = 0.0
    cpus_per_trial: float = 1.0
    address: str | None = None
    device_type: str | None = None
    early_stop: bool = False
    grace_period: int = 1
    reduction_factor: float = 2.0
    silence: float = 45.0
    devices: int = 1

    @property
    def cores(self) -> int | None:
        """Cores that a Ray of our own is to have."""
        return None if self.jobs is None else max(1, ceil(self.jobs * self.cpus_per_trial * self.devices))

    def resources(self) -> dict[str, float]:
        """What each process of a trial asks for, in Ray's names."""
        asked: dict[str, float] = {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial or 0.0}
        if self.device_type:
            asked[f"{TYPE}{self.device_type}"] = 0.001
        return asked

    def settled(self, nodes: Sequence[Mapping[str, float]]) -> "Cluster":
        """This one with its GPUs decided by what the nodes have, given the resources of each: not by this machine."""
        if self.gpus_per_trial is not None:
            return self
        kind = f"{TYPE}{self.device_type}"
        fitting = [node for node in nodes if not self.device_type or kind in node]
        return replace(self, gpus_per_trial=1.0 if any(node.get("GPU", 0) >= 1 for node in fitting) else 0.0)

    def places(self, nodes: Sequence[Mapping[str, float]]) -> int:
        """How many trials the nodes can run at a time, given the resources of each."""

        def fit(name: str, there: float, asked: float) -> int:
            return fit_on_gpus(there, asked) if name == "GPU" else int(there / asked)

        asked = {name: value for name, value in self.resources().items() if value}
        of_nodes = (min(fit(name, node.get(name, 0), value) for name, value in asked.items()) for node in nodes)
        return sum(of_nodes) // self.devices

    def most(self, places: int, running: int) -> int:
        """How many trials Tune is to have: those that can run, and one that waits for the worker that is free next.

        No more wait, as they are still other runs' to train.

        Args:
            places: that the nodes had at the start.
            running: trials that run now; more than that on a cluster that grows.
        """
        most = max(places, running) + 1
        if self.jobs is None:
            return most
        one_waits = self.address is None and places <= self.jobs  # with more places it would run
        return min(most, self.jobs + one_waits)

    def check(self, nodes: Sequence[Mapping[str, float]]) -> None:
        """Refuse what no node can give, given the resources of each: Ray would wait for it for ever.

        Raises:
            SpecError: if the nodes have not all that one trial asks for.
        """
        if self.places(nodes):
            return
        asked = self.resources()
        wanted = f"{asked['CPU']:g} CPU and {asked['GPU']:g} GPU(s)"
        if self.devices > 1:
            wanted += f" for each of its {self.devices} processes"
        have = ", ".join(f"{node.get('CPU', 0):g} CPU(s) and {node.get('GPU', 0):g} GPU(s)" for node in nodes)
        if self.device_type:
            kinds = {key.removeprefix(TYPE) for node in nodes for key in node if key.startswith(TYPE)}
            wanted += f" of type {self.device_type}"
            have += f", of type {', '.join(sorted(kinds))}" if kinds else ", none of them with a type"
        whose = "no node of the cluster has that: they have" if self.devices == 1 else "the nodes of the cluster have"
        raise SpecError(f"a trial asks for {wanted}, and {whose} {have}")

    def reachable(self) -> None:
        """Refuse an address where nothing listens: Ray would try for minutes.

        Raises:
            SpecError: if nothing does.
        """
        address = self.address
        if address == "auto":
            address = os.environ.get("RAY_ADDRESS")
            if address is None and not any(process.name() == "raylet" for process in psutil.process_iter()):
                raise SpecError("--address auto, but no Ray runs on this machine: `ray start --head` starts one")
        if address in (None, "auto"):
            return
        host, colon, port = str(address).removeprefix("ray://").rpartition(":")
        if not (colon and port.isdigit()):
            raise SpecError(f"--address is HOST:PORT, or auto for the cluster that runs here, got {address!r}")
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise SpecError(f"no Ray cluster at --address {address}: {error.strerror or error}") from None


class Watchdog(threading.Thread):
    """Looks whether Ray lives: its processes if they are children of ours, and whether it answers at all.

    Args:
        answers: asks Ray something; True if it answered well. It may block.
        started: processes of Ray that this one has started; none: Ray is a cluster's.
        silence: seconds without an answer after which it is taken for dead.
    """

    def __init__(self, answers: Callable[[], bool], started: Sequence[psutil.Process], silence: float) -> None:
        super().__init__(name="Ray watchdog", daemon=True)
        self.answers, self.answered, self.ended = answers, time.monotonic(), threading.Event()
        self.silence = silence
        self.processes = {process.name(): process for process in started if process.name() in ("raylet", "gcs_server")}

    def run(self) -> None:
        """Ask until the end."""
        while not self.ended.wait(min(LOOK_SECONDS, self.silence / 4)):
            with suppress(Exception):
                if self.answers():
                    self.answered = time.monotonic()

    def dead(self) -> str:
        """Why Ray is taken for dead; "" if it lives."""
        for name, process in self.processes.items():
            if not _runs(process):
                return f"Ray's {name} has died"
        silent = time.monotonic() - self.answered
        return f"Ray has not answered for {silent:.0f} s" if silent > self.silence else ""


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def children() -> list[psutil.Process]:
    """The processes that this one has started and that run."""
    return psutil.Process().children()


def kill(processes: Sequence[psutil.Process]) -> None:
    """End processes with all that they have started: what is left of a Ray that died."""
    for process in processes:
        with suppress(psutil.Error):
            for child in process.children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
            process.kill()
