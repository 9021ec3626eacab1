"""The other processes of a trial that several devices train: started, watched and ended by rank 0.

Rank 0 has the trial's lease, its checkpoints and its result; the others only train along, and end when rank 0 does.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from studies.engine.options import Options
from studies.training.ranks import ALONE, TIMEOUT, Ranks, join, leave

LOOK_SECONDS = 0.2
GATHER_SECONDS = 600.0  # for all processes to start, torch's import and CUDA's start included
SILENT_SECONDS = 30.0  # that rank 0 may wait for a process that has ended, before it ends itself


@dataclass(frozen=True)
class Job:
    """What another rank must know to train along.

    Attributes:
        root: of the store.
        trial: its id.
        rank: of the process.
        host: where rank 0 is.
        port: where its `torch.distributed` store listens.
        options: of the run, as plain data.
    """

    root: str
    trial: str
    rank: int
    host: str
    port: int
    options: dict[str, Any]


class Member(Protocol):
    """Another rank, as rank 0 sees it."""

    def ended(self) -> str | None:
        """Why it has ended, "" if there is nothing to say; None while it runs."""

    def end(self) -> None:
        """End it now."""


class Launch(Protocol):
    """Starts other ranks."""

    def host(self) -> str:
        """Address of this process for the others."""

    def start(self, job: Job) -> Member:
        """Start another rank."""


class MemberEndedError(RuntimeError):
    """A process that trains along has ended; the message says why."""


class Team:
    """Rank 0 with the others, for as long as the `with` block lasts.

    Args:
        launch: starts the others.
        root: of the store.
        trial: its id.
        options: of the run.
        device: that this process trains on, `cuda` or `cpu`.
        on_hang: called when this process waits for one that has ended, and cannot be woken; this process ends then.
    """

    def __init__(
        self, launch: Launch, root: str, trial: str, options: Options, device: str, on_hang: Callable[[str], None]
    ) -> None:
        self.launch, self.root, self.trial, self.options, self.device = launch, root, trial, options, device
        self.on_hang = on_hang
        self.ranks: Ranks = ALONE
        self.members: dict[int, Member] = {}
        self.blame: str | None = None  # why another one had ended before this block was left by an error
        self._store: Any = None
        self._over = threading.Event()

    def __enter__(self) -> "Team":
        if self.options.devices == 1:
            return self
        import torch.distributed as dist

        host = self.launch.host()
        self._store = dist.TCPStore(host, 0, is_master=True, wait_for_workers=False, timeout=TIMEOUT)
        try:
            for rank in range(1, self.options.devices):
                job = Job(self.root, self.trial, rank, host, self._store.port, asdict(self.options))
                self.members[rank] = self.launch.start(job)
            self._gather()
            self.ranks = join(self._store, 0, self.options.devices, self.device)
        except BaseException:
            self.__exit__()
            raise
        threading.Thread(target=self._watch, name=f"team of {self.trial}", daemon=True).start()
        return self

    def __exit__(self, kind: object = None, error: BaseException | None = None, _: object = None) -> None:
        if isinstance(error, RuntimeError):
            self.blame = self.why()
        self._over.set()
        for member in self.members.values():
            member.end()
        with suppress(RuntimeError):  # of the backend, about those that are gone
            leave()

    def begin_at(self, step: int) -> None:
        """Tell the others the step of the checkpoint that all begin with."""
        if self.members:
            self._store.set("step", str(step))

    def finished(self) -> None:
        """The trial is trained: that the others end now is as it should be."""
        self._over.set()

    def why(self, seconds: float = 10.0) -> str | None:
        """Why one of the others has ended, after a wait for that to show; None if none has."""
        deadline = time.monotonic() + seconds
        while self.members:
            for rank, member in self.members.items():
                if (why := member.ended()) is not None:
                    return f"rank {rank} of {self.options.devices} ended: {why or 'killed, or out of memory'}"
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK_SECONDS)
        return None

    def _gather(self) -> None:
        """Wait until every process is there.

        Raises:
            MemberEndedError: if one has ended before, or does not come.
        """
        keys = [f"here/{rank}" for rank in self.members]
        deadline = time.monotonic() + GATHER_SECONDS
        while not self._store.check(keys):
            if why := self.why(0):
                raise MemberEndedError(why)
            if time.monotonic() > deadline:
                raise MemberEndedError(f"the {self.options.devices} processes did not meet in {GATHER_SECONDS:g} s")
            time.sleep(LOOK_SECONDS)

    def _watch(self) -> None:
        """End this process if it waits for one that has ended: NCCL does not notice, gloo does."""
        while not self._over.wait(1.0):
            if why := self.why(0):
                if not self._over.wait(SILENT_SECONDS):
                    try:
                        self.on_hang(why)
                    finally:
                        os._exit(1)
                return


class Subprocesses:
    """Starts other ranks as processes of this machine. They end when this one does: it holds their standard input."""

    def host(self) -> str:
        """They are all here."""
        return "127.0.0.1"

    def start(self, job: Job) -> Member:
        """A process; with GPUs, it sees one, the next that is visible here."""
        environment = dict(os.environ)
        visible = [number for number in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if number]
        if visible and job.rank >= len(visible):
            raise MemberEndedError(f"rank {job.rank} has no GPU: CUDA_VISIBLE_DEVICES names {len(visible)}")
        environment["CUDA_VISIBLE_DEVICES"] = visible[job.rank] if visible else str(job.rank)
        return _Subprocess(job, environment)


class _Subprocess:
    def __init__(self, job: Job, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "studies.engine.rank"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it has ended already, and will say why
            self.process.stdin.write(json.dumps(asdict(job)) + "\n")
            self.process.stdin.flush()
        self._why: str | None = None

    def ended(self) -> str | None:
        if self._why is None and self.process.poll() is not None:
            assert self.process.stdout
            self._why = self.process.stdout.read().strip()
        return self._why

    def end(self) -> None:
        self.process.kill()
        said = self.process.communicate()[0] if self._why is None else ""
        self._why = self._why or said.strip()
