"""The store: one folder a trial, named by the trial's id, plain files, each written whole or not at all.

    runs/
      store.json                         schema version
      trials/<id>/trial.json             what was asked: model, data, recipe, seed
                  lease.<n>.json         who trains it now (studies/lease.py)
                  checkpoint-<step>-<digest>.pt   model, optimizer, schedule, random states, history; while it trains
                  result.json            figures, history, versions; the trial is done
                  weights.safetensors    of the model that is done
                  failure.json           reason; traceback.txt beside it
                  pruned.json            how far it came before early stopping ended it

A trial's state follows from its files. Every record holds a digest of itself: what a disk or a hand has changed is
`damaged`, never believed, and trained anew by the next run. No torch is imported before a checkpoint is.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from searchspace.expand import one_line
from searchspace.spec import ModelSpec
from studies.files import StoreError, open_files
from studies.lease import in_use
from studies.record import digest, is_checkpoint, opened, sealed
from studies.trial import SCHEMA_VERSION, TrialSpec


class Damaged(StoreError):
    """A record that is not what was written."""


class Store:
    """The trials below one folder or URL. Reading makes nothing."""

    def __init__(self, root: Path | str) -> None:
        self.files = open_files(root)

    @property
    def root(self) -> str:
        """Where the store is: a path or a URL."""
        return self.files.root

    def version(self) -> int | None:
        """Schema version of the store; None if there is no store yet."""
        content = self.files.read("store.json")
        if content is None:
            return 1 if self.files.names("trials") else None
        try:
            return int(json.loads(content)["schema_version"])
        except (ValueError, KeyError, TypeError):
            return SCHEMA_VERSION  # damaged; the trials say themselves what they are

    def check(self) -> "Store":
        """The store itself, if this version can use it.

        Raises:
            StoreError: if it is no folder, was written by a newer version, or by an older one and is not migrated.
        """
        if not self.files.may_hold_files():
            raise StoreError(f"{self.root} is no folder: choose another --runs-dir")
        found = self.version()
        if found is not None and found > SCHEMA_VERSION:
            raise StoreError(
                f"{self.root} was written by a newer version of t2t-studies (schema {found}, this one knows "
                f"{SCHEMA_VERSION}): upgrade t2t-studies, or choose another --runs-dir"
            )
        if found is not None and found < SCHEMA_VERSION:
            raise StoreError(
                f"{self.root} has schema {found}, this version writes {SCHEMA_VERSION}: "
                f"`studies store migrate --runs-dir {self.root}` brings it up to date and loses nothing"
            )
        return self

    def prepare(self) -> None:
        """Make the store ready to be written.

        Raises:
            StoreError: if it cannot be written.
        """
        self.files.write("store.json", json.dumps({"schema_version": SCHEMA_VERSION}).encode())

    def folder(self, trial_id: str) -> str:
        """Where a trial's files are, for people."""
        return self.files.show(f"trials/{trial_id}")

    def ids(self) -> list[str]:
        """Every trial that the store knows."""
        return [name for name in self.files.names("trials") if not name.startswith(".")]

    def state(self, trial_id: str) -> str:
        """One of `studies.record.STATES`."""
        there = self.files.names(f"trials/{trial_id}")
        if "result.json" in there:
            try:
                return "done" if self.result(trial_id) is not None else "planned"
            except Damaged:
                return "damaged"
        if in_use(self.files, trial_id, there):
            return "running"
        return "failed" if "failure.json" in there else "pruned" if "pruned.json" in there else "planned"

    def done(self, trial_id: str, weights: bool = False) -> bool:
        """Whether a trial has an undamaged result; and, if asked, the weights that belong to it."""
        try:
            result = self.result(trial_id)
        except Damaged:
            return False
        return result is not None and (not weights or self.weights(trial_id) is not None)

    def result(self, trial_id: str) -> dict[str, Any] | None:
        """What a finished trial left: figures, history, versions; None if it is not done.

        Raises:
            Damaged: if the record is.
        """
        content = self._read(trial_id, "result.json")
        if content is not None and not ("top1" in content and "history" in content):
            raise self._damaged(trial_id, "result.json", "it is no result")
        return content

    def failure(self, trial_id: str) -> dict[str, Any] | None:
        """Why a trial failed; None if it did not."""
        return self._note(trial_id, "failure.json")

    def pruned(self, trial_id: str) -> dict[str, Any] | None:
        """How far a trial came that was stopped early: epoch, top1, run; None if it was not."""
        return self._note(trial_id, "pruned.json")

    def trial(self, trial_id: str) -> TrialSpec:
        """The trial that an id stands for.

        Raises:
            StoreError: if the store has none of that id.
            Damaged: if its record is.
        """
        content = self._read(trial_id, "trial.json")
        if content is None:
            raise StoreError(f"no trial {trial_id!r} in {self.root}")
        try:
            trial = TrialSpec.model_validate(content)
        except ValidationError as error:
            raise self._damaged(trial_id, "trial.json", one_line(error)) from None
        if trial.id != trial_id:
            raise self._damaged(trial_id, "trial.json", f"its content is that of trial {trial.id}")
        return trial

    def seeds(self) -> set[int]:
        """Every seed that a finished trial of any study was trained with; what is damaged is passed over."""
        found = set()
        for trial_id in self.ids():
            try:
                if self.result(trial_id) is not None:
                    found.add(self.trial(trial_id).seed)
            except StoreError:
                continue
        return found

    def plan(self, trial: TrialSpec) -> None:
        """Write down that a trial is to be trained; a damaged record is replaced."""
        try:
            if self.files.exists(f"trials/{trial.id}/trial.json") and self.trial(trial.id) == trial:
                return
        except Damaged:
            pass
        self._write(trial.id, "trial.json", trial.model_dump(mode="json"))

    def finish(self, trial_id: str, result: dict[str, Any], weights: bytes | None = None) -> None:
        """Keep the result of a trial, and its weights (safetensors); what was only needed to train it goes."""
        if weights is not None:
            self.files.write(f"trials/{trial_id}/weights.safetensors", weights)
            result = result | {"weights_sha256": hashlib.sha256(weights).hexdigest()}
        self._write(trial_id, "result.json", result)
        for name in self.files.names(f"trials/{trial_id}"):
            if name.startswith(("checkpoint-", "failure.", "pruned.", "traceback.", "result.json.damaged")):
                self.files.remove(f"trials/{trial_id}/{name}")

    def fail(self, trial_id: str, reason: str, traceback: str = "", run: str = "") -> None:
        """Keep the reason of a failure; the checkpoint stays, so that the next run goes on from it."""
        name = f"trials/{trial_id}/traceback.txt"
        self.files.write(name, traceback.encode())
        self._write(trial_id, "failure.json", {"reason": reason, "traceback": self.files.show(name), "run": run})

    def prune(self, trial_id: str, epoch: int, top1: float, run: str = "") -> None:
        """Keep how far a trial came that was stopped early; the checkpoint stays, so that it can go on."""
        self._write(trial_id, "pruned.json", {"epoch": epoch, "top1": top1, "run": run})

    def sweep(self, trial_id: str) -> None:
        """Remove what a training that was killed left half written; for who holds the trial's lease."""
        parts = (".checkpoint-", ".result.", ".weights.", ".failure.", ".pruned.", ".traceback.")
        for name in self.files.names(f"trials/{trial_id}"):
            if name.startswith(parts):
                self.files.remove(f"trials/{trial_id}/{name}")

    def clear(self, trial_id: str) -> None:
        """Forget an earlier failure or pruning, and put a damaged result aside: the trial is to be trained."""
        there = self.files.names(f"trials/{trial_id}")
        for name in ("failure.json", "traceback.txt", "pruned.json"):
            if name in there:
                self.files.remove(f"trials/{trial_id}/{name}")
        if "result.json" in there and self.state(trial_id) == "damaged":
            self.put_aside(trial_id, "result.json")

    def put_aside(self, trial_id: str, name: str) -> None:
        """Rename a file that cannot be used, so that it is looked at by people only."""
        self.files.rename(f"trials/{trial_id}/{name}", f"trials/{trial_id}/{name}.damaged")

    def forget(self, trial_id: str) -> None:
        """Remove all that is known of a trial."""
        self.files.remove(f"trials/{trial_id}")

    def weights(self, trial_id: str) -> bytes | None:
        """The weights of a finished trial (safetensors); None if they are not there or not what was written."""
        content = self.files.read(f"trials/{trial_id}/weights.safetensors")
        if content is None:
            return None
        digest = (self.result(trial_id) or {}).get("weights_sha256")
        return content if digest == hashlib.sha256(content).hexdigest() else None

    def parent(self, trial_id: str) -> tuple[ModelSpec, bytes] | None:
        """Model and weights of a finished trial, for one that starts from it."""
        weights = self.weights(trial_id)
        return None if weights is None else (self.trial(trial_id).model, weights)

    def save_checkpoint(self, trial_id: str, step: int, state: dict[str, Any]) -> None:
        """Keep a trainer's state after a step, in place of the last one."""
        import io

        import torch

        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        kept = f"checkpoint-{step}-{digest(content)}.pt"
        self.files.write(f"trials/{trial_id}/{kept}", content)
        for name in self.files.names(f"trials/{trial_id}"):
            if name.startswith("checkpoint-") and name != kept:
                self.files.remove(f"trials/{trial_id}/{name}")

    def load_checkpoint(self, trial_id: str) -> dict[str, Any] | None:
        """The last state kept; None if there is none. What is torn or changed is put aside and passed over."""
        names = [name for name in self.files.names(f"trials/{trial_id}") if is_checkpoint(name)]
        for name in sorted(names, key=lambda name: int(name.split("-")[1]), reverse=True):
            content = self.files.read(f"trials/{trial_id}/{name}")
            if content is not None and name.endswith(f"-{digest(content)}.pt"):
                import io

                import torch

                return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            self.put_aside(trial_id, name)
        return None

    def problems(self, trial_id: str) -> list[str]:
        """What is wrong with the files of a trial: one line each, none if all is well."""
        found = []
        for name in ("trial.json", "result.json", "failure.json", "pruned.json"):
            try:
                self._read(trial_id, name)
                self.trial(trial_id) if name == "trial.json" else self.result(trial_id)
            except StoreError as error:
                found.append(str(error))
        found = list(dict.fromkeys(found))
        if not found and (self.result(trial_id) or {}).get("weights_sha256") and self.weights(trial_id) is None:
            found.append(f"{self.folder(trial_id)}/weights.safetensors: not the weights of this result, or gone")
        for name in self.files.names(f"trials/{trial_id}"):
            if is_checkpoint(name):
                content = self.files.read(f"trials/{trial_id}/{name}") or b""
                if not name.endswith(f"-{digest(content)}.pt"):
                    found.append(f"{self.folder(trial_id)}/{name}: torn or changed")
            elif name.endswith(".damaged"):
                found.append(f"{self.folder(trial_id)}/{name}: put aside by an earlier run")
        return found

    def _write(self, trial_id: str, name: str, content: dict[str, Any]) -> None:
        self.files.write(f"trials/{trial_id}/{name}", sealed(content))

    def _read(self, trial_id: str, name: str) -> dict[str, Any] | None:
        raw = self.files.read(f"trials/{trial_id}/{name}")
        if raw is None:
            return None
        try:
            return opened(raw)
        except ValueError as error:
            raise self._damaged(trial_id, name, str(error)) from None

    def _note(self, trial_id: str, name: str) -> dict[str, Any] | None:
        """A record that only explains: one that is damaged says so and nothing else."""
        try:
            return self._read(trial_id, name)
        except Damaged as error:
            return {"reason": str(error)}

    def _damaged(self, trial_id: str, name: str, why: str) -> Damaged:
        return Damaged(f"{self.folder(trial_id)}/{name} is damaged: {why}; the next run trains the trial anew")
