"""The store: one folder a trial, named by the trial's id, plain files, each written whole or not at all.

    runs/
      lock                       held while a run goes on
      trials/<id>/trial.json     what was asked: model, data, recipe, seed
                  lease.json     who trains it now, and since when
                  checkpoint.pt  model, optimizer, schedule, random states, history; while it trains
                  result.json    figures, history, versions; the trial is done
                  failure.json   reason; traceback.txt beside it

A trial's state follows from its files: done, failed, running (a live lease), else planned.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from searchspace.expand import SpecError, one_line
from studies.trial import TrialSpec

LEASE_SECONDS = 120  # a lease of another host that was not renewed for so long is dead


class StoreError(SpecError):
    """A store that cannot be used; the message is one line for the user."""


class Store:
    """The trials under one runs folder. Reading needs no lock and creates nothing."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()

    def folder(self, trial_id: str) -> Path:
        """Where a trial's files are."""
        return self.root / "trials" / trial_id

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store for one run; the system lets go of it however the process ends.

        Raises:
            StoreError: if another run holds it, or the folder cannot be written.
        """
        try:
            (self.root / "trials").mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / "lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"another run is using {self.root}: wait for it to end, or give this one its own --runs-dir"
            ) from None
        except OSError as error:
            raise StoreError(f"cannot write to {self.root}: {error.strerror}; choose another --runs-dir") from None
        try:
            yield
        finally:
            lock.release()

    def state(self, trial_id: str) -> str:
        """`planned`, `running`, `done` or `failed`."""
        folder = self.folder(trial_id)
        if self.result(trial_id) is not None:
            return "done"
        if _alive(folder / "lease.json"):
            return "running"
        return "failed" if (folder / "failure.json").exists() else "planned"

    def result(self, trial_id: str) -> dict[str, Any] | None:
        """What a finished trial left: figures, history, versions; None if it is not done.

        Raises:
            StoreError: if the file is damaged.
        """
        path = self.folder(trial_id) / "result.json"
        content = _read(path)
        if content is not None and not (isinstance(content, dict) and "top1" in content and "history" in content):
            raise _damaged(path, "it is no result")
        return content

    def failure(self, trial_id: str) -> dict[str, Any] | None:
        """Why a trial failed; None if it did not."""
        return _read(self.folder(trial_id) / "failure.json")

    def trial(self, trial_id: str) -> TrialSpec:
        """The trial that an id stands for.

        Raises:
            StoreError: if the store has none of that id.
        """
        path = self.folder(trial_id) / "trial.json"
        content = _read(path)
        if content is None:
            raise StoreError(f"no trial {trial_id!r} in {self.root}")
        try:
            return TrialSpec.model_validate(content)
        except ValidationError as error:
            raise _damaged(path, one_line(error)) from None

    def seeds(self) -> set[int]:
        """Every seed that a finished trial of any study was trained with; what is damaged is passed over."""
        found = set()
        for path in self.root.glob("trials/*/result.json"):
            with suppress(StoreError, KeyError, TypeError):
                found.add(int(_read(path.with_name("trial.json"))["seed"]))
        return found

    def plan(self, trial: TrialSpec) -> None:
        """Write down that a trial is to be trained; a damaged record is replaced."""
        with suppress(StoreError):
            if self.trial(trial.id) == trial:
                return
        self._write(trial.id, "trial.json", trial.model_dump(mode="json"))

    def lease(self, trial_id: str) -> None:
        """Say that this process trains the trial, or still does."""
        self._write(trial_id, "lease.json", {"host": socket.gethostname(), "pid": os.getpid(), "time": time.time()})

    def finish(self, trial_id: str, result: dict[str, Any]) -> None:
        """Keep the result of a trial; what was only needed to train it goes."""
        self._write(trial_id, "result.json", result)
        self._remove(trial_id, "failure.json", "traceback.txt", "checkpoint.pt", "lease.json")

    def fail(self, trial_id: str, reason: str, traceback: str = "") -> None:
        """Keep the reason of a failure; the checkpoint stays, so that the next run goes on from it."""
        self._remove(trial_id, "lease.json")
        path = self.folder(trial_id) / "traceback.txt"
        _replace(path, traceback.encode())
        self._write(trial_id, "failure.json", {"reason": reason, "traceback": str(path), "time": time.time()})

    def forget(self, trial_id: str) -> None:
        """Remove all that is known of a trial."""
        shutil.rmtree(self.folder(trial_id), ignore_errors=True)

    def save_checkpoint(self, trial_id: str, state: dict[str, Any]) -> None:
        """Keep a trainer's state, in place of the last one."""
        import io

        import torch

        buffer = io.BytesIO()
        torch.save(state, buffer)
        _replace(self.folder(trial_id) / "checkpoint.pt", buffer.getvalue())

    def load_checkpoint(self, trial_id: str) -> dict[str, Any] | None:
        """The last state kept; None if there is none or it cannot be read (the trial starts anew)."""
        import torch

        path = self.folder(trial_id) / "checkpoint.pt"
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except Exception:  # whatever a torn file makes torch raise
            path.rename(path.with_suffix(".unreadable"))
            return None

    def _write(self, trial_id: str, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, indent=1, allow_nan=False)
        _replace(self.folder(trial_id) / name, text.encode())

    def _remove(self, trial_id: str, *names: str) -> None:
        for name in names:
            (self.folder(trial_id) / name).unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(f"cannot read {path}: {why}; remove the folder {path.parent} to train the trial anew")


def _alive(path: Path) -> bool:
    """Whether a lease is held; one that cannot be read is not."""
    try:
        lease = json.loads(path.read_text())
        host, pid, renewed = str(lease["host"]), int(lease["pid"]), float(lease["time"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if host != socket.gethostname():
        return time.time() - renewed < LEASE_SECONDS
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
