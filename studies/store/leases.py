"""Leases: who trains a trial now. Of several runs that want one trial, one gets it.

A lease is a numbered file, `lease.<n>.json`; the highest number holds. To take a trial whose holder is dead is to make
the next number, which only one can: no lock is needed, on a folder or on an object store. A holder that was taken for
dead and was not (a machine that slept, say) finds a higher number and stops.

A holder on this machine is asked for directly. One elsewhere is alive as long as its file changes: the time that
passes without a change is measured by the watcher's own clock, so that clocks that jump or differ decide nothing.
"""

import json
import os
import socket
import time
import uuid
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from studies.store.files import Files

RENEW_SECONDS = 10  # a holder changes its file so often
LEASE_SECONDS = 60  # and is dead if it did not for so long


@dataclass(frozen=True)
class Holder:
    """What a lease says: a run, and the process that trains."""

    run: str
    host: str
    pid: int
    born: str
    time: float = 0.0  # for people
    beat: int = 0
    token: str = ""


@dataclass
class Lease:
    """A trial that is ours to train, until `release`."""

    files: Files
    trial_id: str
    number: int
    holder: Holder
    beats: int = 0

    @property
    def name(self) -> str:
        """Its file."""
        return _name(self.trial_id, self.number)

    def held(self) -> bool:
        """Whether nobody has taken the trial over."""
        found = newest(self.files, self.trial_id)
        return found is not None and found[0] == self.number and found[1].token == self.holder.token

    def renew(self) -> None:
        """Show that we live."""
        self.beats += 1
        self.files.write(self.name, _text(self.holder, self.beats))

    def release(self) -> None:
        """Let go of the trial."""
        self.files.remove(self.name)


def acquire(files: Files, trial_id: str, run: str, dead: str = "") -> Lease | None:
    """Take a trial to train it; None if another holds it or was faster.

    Args:
        files: of the store.
        trial_id: of the trial.
        run: who asks. A lease of the same run is taken over: its scheduler has given the trial to somebody else.
        dead: token of a lease whose holder `Patience` has found dead.
    """
    found = newest(files, trial_id)
    if found and not (found[1].token == dead or found[1].run == run or _alive_here(found[1]) is False):
        return None
    number = found[0] + 1 if found else 1
    holder = Holder(run, host(), os.getpid(), born(os.getpid()), token=uuid.uuid4().hex)
    lease = Lease(files, trial_id, number, holder)
    if not files.create(lease.name, _text(holder, 0)):
        return None
    if not lease.held():  # made after another had taken and passed it on
        lease.release()
        return None
    for name in files.names(f"trials/{trial_id}"):
        n = _number(name)
        if n is not None and n < number:
            files.remove(f"trials/{trial_id}/{name}")
    return lease


def newest(files: Files, trial_id: str, names: list[str] | None = None) -> tuple[int, Holder] | None:
    """Number and holder of a trial's lease; None if nobody has one."""
    while True:
        numbers = [_number(name) for name in (files.names(f"trials/{trial_id}") if names is None else names)]
        number = max((n for n in numbers if n is not None), default=None)
        if number is None:
            return None
        raw = files.read(_name(trial_id, number))
        if raw is not None:
            break
        names = None  # released, or taken over, since it was listed: look again
    try:
        return number, Holder(**json.loads(raw))
    except (ValueError, TypeError):
        return number, Holder("", "", 0, "")  # torn: of nobody


def in_use(files: Files, trial_id: str, names: list[str] | None = None) -> bool:
    """Whether a trial seems to be trained now, at one look: for tables, not for taking it."""
    found = newest(files, trial_id, names)
    if found is None:
        return False
    here = _alive_here(found[1])
    return abs(time.time() - found[1].time) < LEASE_SECONDS if here is None else here


@dataclass
class Patience:
    """Watches leases of other machines until they have not changed for LEASE_SECONDS of our clock."""

    seen: dict[str, tuple[Any, float]] = field(default_factory=dict)

    def dead(self, trial_id: str, number: int, holder: Holder) -> bool:
        """Whether the holder of a lease is dead."""
        here = _alive_here(holder)
        if here is not None:
            return not here
        now, key = time.monotonic(), (number, holder.token, holder.beat)
        if trial_id not in self.seen or self.seen[trial_id][0] != key:
            self.seen[trial_id] = (key, now)
        return now - self.seen[trial_id][1] > LEASE_SECONDS


@cache
def host() -> str:
    """This machine, since it was started, as far as its processes see each other."""
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            parts.append(os.readlink(path) if path.endswith("pid") else Path(path).read_text().strip())
        except OSError:
            continue
    return " ".join(parts)


def born(pid: int) -> str:
    """When a process started, in ticks since the machine did, so that a number used again is told apart; "" if gone."""
    import psutil

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    except (OSError, IndexError):
        return ""
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def _alive_here(holder: Holder) -> bool | None:
    """Whether a process of this machine lives; None if it is of another machine."""
    if not holder.token:
        return False
    if holder.host != host():
        return None
    return bool(holder.born) and born(holder.pid) == holder.born and not _zombie(holder.pid)


def _zombie(pid: int) -> bool:
    """Whether a process has ended, and nobody has asked how."""
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _number(name: str) -> int | None:
    parts = name.split(".")
    return int(parts[1]) if len(parts) == 3 and parts[0] == "lease" and parts[1].isdigit() else None


def _name(trial_id: str, number: int) -> str:
    return f"trials/{trial_id}/lease.{number}.json"


def _text(holder: Holder, beat: int) -> bytes:
    return json.dumps(asdict(holder) | {"time": time.time(), "beat": beat}).encode()
