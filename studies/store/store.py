"""The store: one folder a trial, named by the trial's id, plain files, each written whole or not at all.

    runs/
      store.json                         version of the format
      weights/<sha256>                   files of weights that trials start from
      looks/<study>@<scale>.json         by which looks seeds were added (studies/store/looks.py)
      trials/<id>/trial.json             what was asked: model, data, recipe, seed
                  lease.<n>.json         who trains it now (studies/store/leases.py)
                  checkpoint-<step>-<digest>.pt   model, optimizer, schedule, step, history; while it trains
                  result.json            figures, history, versions; the trial is done
                  weights.safetensors    of the model that is done
                  failure.json           reason; traceback.txt beside it
                  pruned.json            how far it came before early stopping ended it

A trial's state follows from its files. Every record holds a digest of itself: what a disk or a hand has changed is
`damaged`, never believed, and trained anew by the next run. No torch is imported before a checkpoint is.
"""

import hashlib
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from searchspace.expand import from_validation
from searchspace.spec import ModelSpec
from studies.store.errors import DamagedError, NewerError
from studies.store.files import StoreError
from studies.store.leases import in_use
from studies.store.records import dump, parse
from studies.store.root import Root
from studies.trials.identity import canonical, digest
from studies.trials.results import Result
from studies.trials.trial import TrialSpec


class Store(Root):
    """The trials below one folder or URL. Reading makes nothing."""

    def folder(self, trial_id: str) -> str:
        """Where a trial's files are, for people."""
        return self.files.show(f"trials/{trial_id}")

    def ids(self) -> list[str]:
        """Every trial that the store knows."""
        return [name for name in self.files.names("trials") if not name.startswith(".")]

    def state(self, trial_id: str) -> str:
        """One of `studies.store.records.STATES`."""
        there = self.files.names(f"trials/{trial_id}")
        if "result.json" in there:
            try:
                return "done" if self.result(trial_id) is not None else "planned"
            except DamagedError:
                return "damaged"
        if in_use(self.files, trial_id, there):
            return "running"
        return "failed" if "failure.json" in there else "pruned" if "pruned.json" in there else "planned"

    def done(self, trial_id: str, weights: bool = False) -> bool:
        """Whether a trial has an undamaged result; and, if asked, the weights that belong to it."""
        try:
            result = self.result(trial_id)
        except DamagedError:
            return False
        return result is not None and (not weights or self.weights(trial_id) is not None)

    def result(self, trial_id: str) -> Result | None:
        """What a finished trial left: figures, history, versions; None if it is not done.

        Raises:
            DamagedError: if the record is.
        """
        content = self.read(trial_id, "result.json")
        if content is not None and not ("top1" in content and "history" in content):
            raise self._damaged(trial_id, "result.json", "it is no result")
        return cast(Result | None, content)

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
            DamagedError: if its record is.
            NewerError: if a newer version wrote it.
        """
        content = self.read(trial_id, "trial.json")
        if content is None:
            raise StoreError(f"no trial {trial_id!r} in {self.root}")
        try:
            trial = TrialSpec.model_validate(content)
        except ValidationError as error:
            found = from_validation(error, content)
            if found.kind == "unknown_field":
                raise NewerError(
                    f"{self.folder(trial_id)} was written by a newer version of t2t-studies: this one does not know "
                    f"its field {found.where}; upgrade t2t-studies to use it"
                ) from None
            if digest(canonical(content)) == trial_id:  # it is what was written
                raise NewerError(
                    f"{self.folder(trial_id)} was written by another version of t2t-studies, which took what this one "
                    f"refuses: {found}; it stays as it is"
                ) from None
            raise self._damaged(trial_id, "trial.json", str(found)) from None
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
        except DamagedError:
            pass
        self._write(trial.id, "trial.json", trial.content())

    def finish(self, trial_id: str, result: Result, weights: bytes | None = None) -> None:
        """Keep the result of a trial, and its weights (safetensors); what was only needed to train it goes."""
        if weights is not None:
            self.files.write(f"trials/{trial_id}/weights.safetensors", weights)
            result = {**result, "weights_sha256": hashlib.sha256(weights).hexdigest()}
        self._write(trial_id, "result.json", dict(result))
        for name in self.files.names(f"trials/{trial_id}"):
            if name.startswith(
                ("checkpoint-", "failure.", "pruned.", "traceback.", "micro_batch.", "result.json.damaged")
            ):
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
        parts = (".part.", ".checkpoint-", ".result.", ".weights.", ".failure.", ".pruned.", ".traceback.")
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
        result = self.result(trial_id)
        expected = result.get("weights_sha256") if result else None
        return content if expected == hashlib.sha256(content).hexdigest() else None

    def parent(self, trial_id: str) -> tuple[ModelSpec, bytes] | None:
        """Model and weights of a finished trial, for one that starts from it."""
        weights = self.weights(trial_id)
        return None if weights is None else (self.trial(trial_id).model, weights)

    def keep_file(self, content: bytes) -> str:
        """Keep a file of weights that trials start from, under the SHA-256 of its content, which is returned."""
        found = hashlib.sha256(content).hexdigest()
        if self.weights_file(found) is None:
            self.files.write(f"weights/{found}", content)
        return found

    def has_file(self, path: Path, sha256: str) -> bool:
        """Whether a file has the content that a digest names, or the store has kept that content."""
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        return self.weights_file(sha256) is not None

    def weights_file(self, sha256: str) -> bytes | None:
        """The content of a file that was kept; None if it is not there or not what was kept."""
        content = self.files.read(f"weights/{sha256}")
        return content if content is not None and hashlib.sha256(content).hexdigest() == sha256 else None

    def _write(self, trial_id: str, name: str, content: dict[str, Any]) -> None:
        self.files.write(f"trials/{trial_id}/{name}", dump(content))

    def read(self, trial_id: str, name: str) -> dict[str, Any] | None:
        """The content of a record of a trial; None if there is none.

        Raises:
            DamagedError: if it is not what was written.
        """
        raw = self.files.read(f"trials/{trial_id}/{name}")
        if raw is None:
            return None
        try:
            return parse(raw)
        except ValueError as error:
            raise self._damaged(trial_id, name, str(error)) from None

    def _note(self, trial_id: str, name: str) -> dict[str, Any] | None:
        """A record that only explains: one that is damaged says so and nothing else."""
        try:
            return self.read(trial_id, name)
        except DamagedError as error:
            return {"reason": str(error)}

    def _damaged(self, trial_id: str, name: str, why: str) -> DamagedError:
        return DamagedError(f"{self.folder(trial_id)}/{name} is damaged: {why}; the next run trains the trial anew")
