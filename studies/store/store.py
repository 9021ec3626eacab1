"""The store: one folder a trial, named by the trial's id, plain files, each written whole or not at all.

    runs/
      store.json                         version of the format
      weights/<sha256>                   files of weights that trials start from
      looks/<study>@<scale>.json         by which looks seeds were added (studies/store/looks.py)
      trials/<id>/trial.json             what was asked: model, data, recipe, seed
                  lease.<n>.json         who trains it now (studies/store/leases.py)
                  checkpoint-<step>-<digest>.pt   model, optimizer, schedule, step, history; while it trains
                  history.json           each epoch
                  result.json            figures, versions, digest of the history; the trial is done
                  weights.safetensors    of the model that is done
                  failure.json           reason; traceback.txt beside it
                  pruned.json            how far it came before early stopping ended it

A trial's state follows from its files. Every record holds a digest of itself: what a disk or a hand has changed is
`damaged`, never believed, and trained anew by the next run; but for a history, of which no figure depends. Results of
format 2 have their history in them. No torch is imported before a checkpoint is.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from searchspace.bounds import LARGEST_SEED
from searchspace.expand import from_validation
from searchspace.spec import ModelSpec
from studies.store.errors import DamagedError, NewerError
from studies.store.files import StoreError
from studies.store.leases import in_use
from studies.store.records import digest_of, dump, parse_with_digest
from studies.store.root import Root
from studies.trials.identity import canonical, digest
from studies.trials.results import EpochRecord, Figures, Result
from studies.trials.trial import TrialSpec

ANEW = "the next run trains the trial anew"
LOST = "the trial has no curves, and its figures stand"


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
        return self.look(trial_id)[0]

    def look(self, trial_id: str) -> tuple[str, Figures | None]:
        """A trial's state, and its figures if it is done."""
        there = self.files.names(f"trials/{trial_id}")
        if "result.json" in there:
            try:
                figures = self.figures(trial_id)
            except DamagedError:
                return "damaged", None
            if figures is not None:
                return "done", figures
        if in_use(self.files, trial_id, there):
            return "running", None
        return "failed" if "failure.json" in there else "pruned" if "pruned.json" in there else "planned", None

    def done(self, trial_id: str, weights: bool = False) -> bool:
        """Whether a trial has an undamaged result; and, if asked, the weights that belong to it."""
        try:
            figures = self.figures(trial_id)
        except DamagedError:
            return False
        return figures is not None and (not weights or self.weights(trial_id) is not None)

    def figures(self, trial_id: str) -> Figures | None:
        """What a finished trial left, but for the history; None if it is not done.

        Raises:
            DamagedError: if the record is.
        """
        content = self.read(trial_id, "result.json")
        if content is None:
            return None
        if not ("top1" in content and "history" in content):
            raise self._damaged(trial_id, "result.json", "it is no result")
        history = content.pop("history")
        return cast(Figures, content | _course(history) if isinstance(history, list) else content)

    def history(self, trial_id: str) -> list[EpochRecord]:
        """The epochs of a finished trial; none if it is not done.

        Raises:
            DamagedError: if the record of them, or of the result, is.
        """
        history = (self.read(trial_id, "result.json") or {}).get("history", [])
        if isinstance(history, list):
            return history
        content, digest = self._read(trial_id, "history.json", LOST) or ({}, "")
        if digest != history:
            raise self._damaged(trial_id, "history.json", "it is gone, or of another result", LOST)
        return content["history"]

    def result(self, trial_id: str) -> Result | None:
        """What a finished trial left: figures, versions, history; None if it is not done.

        Raises:
            DamagedError: if a record is.
        """
        figures = self.figures(trial_id)
        if figures is None:
            return None
        history = self.history(trial_id)
        known = _course(history)
        return cast(Result, {key: value for key, value in figures.items() if key not in known} | {"history": history})

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
        """Every seed that a finished trial of any study was trained with; one that is wrong leads to no trial's id."""
        found = set()
        for trial_id in self.ids():
            if "result.json" in self.files.names(f"trials/{trial_id}"):
                with suppress(ValueError, TypeError, KeyError):
                    seed = json.loads(self.files.read(f"trials/{trial_id}/trial.json") or b"")["seed"]
                    if isinstance(seed, int) and 0 <= seed <= LARGEST_SEED:
                        found.add(int(seed))
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
        self.write_result(trial_id, result)
        over = ("checkpoint-", "failure.", "pruned.", "traceback.", "micro_batch.", "result.json.damaged")
        for name in self.files.names(f"trials/{trial_id}"):
            if name.startswith(over):
                self.files.remove(f"trials/{trial_id}/{name}")

    def write_result(self, trial_id: str, result: Result) -> None:
        """Write the records of a result: with the second of them, the trial is done."""
        history = {"history": result["history"]}
        self._write(trial_id, "history.json", history)
        self._write(trial_id, "result.json", {**result, **_course(result["history"]), "history": digest_of(history)})

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
        parts = (".part.", ".checkpoint-", ".result.", ".history.", ".weights.", ".failure.", ".pruned.", ".traceback.")
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
        figures = self.figures(trial_id)
        expected = figures.get("weights_sha256") if figures else None
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
        found = self._read(trial_id, name, ANEW)
        return found and found[0]

    def _read(self, trial_id: str, name: str, then: str) -> tuple[dict[str, Any], str] | None:
        """A record and its digest; `then` is what comes of it where it is damaged."""
        raw = self.files.read(f"trials/{trial_id}/{name}")
        if raw is None:
            return None
        try:
            return parse_with_digest(raw)
        except ValueError as error:
            raise self._damaged(trial_id, name, str(error), then) from None

    def _note(self, trial_id: str, name: str) -> dict[str, Any] | None:
        """A record that only explains: one that is damaged says so and nothing else."""
        try:
            return self.read(trial_id, name)
        except DamagedError as error:
            return {"reason": str(error)}

    def _damaged(self, trial_id: str, name: str, why: str, then: str = ANEW) -> DamagedError:
        return DamagedError(f"{self.folder(trial_id)}/{name} is damaged: {why}; {then}")


def _course(history: Sequence[EpochRecord]) -> dict[str, Any]:
    """What figures say of the epochs."""
    return {"epochs": len(history), "test_pictures": history[-1].get("test_pictures") if history else None}
