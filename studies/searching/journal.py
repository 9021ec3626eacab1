"""The journal of a search: Optuna's file of what was proposed and told, in the folder of the store.

One line a change, appended and synced, so that a process may be killed at any moment: a proposal is one line, and what
came of it is another. A search holds a lock on the file, which the system lets go when the process ends however it
ends. It may be read meanwhile.
"""

import fcntl
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from searchspace.expand import SpecError
from searchspace.identity import hashed
from studies.searching.attempts import counted
from studies.searching.definition import difference
from studies.searching.objectives import Direction
from studies.searching.parameters import point_of
from studies.store.files import StoreError
from studies.store.store import Store
from studies.trials.scale import Scale

if TYPE_CHECKING:
    from searchspace.space import Space

DEFINITION = "definition"  # attribute of Optuna's study


def journal_path(store: Store, name: str) -> Path:
    """Where the journal of a search is.

    Raises:
        SpecError: if the store is no folder.
    """
    if "://" in store.root:
        raise SpecError(
            f"a search keeps its journal in a folder, and the store is {store.root}: give a --runs-dir here"
        )
    return Path(store.root, "searches", f"{name}.journal")


def check_journal(path: Path, definitions: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many candidates a journal has of each of these studies; nothing is written.

    Raises:
        SpecError: if it cannot be read, or is of another search.
    """
    if not path.exists():
        return dict.fromkeys(definitions, 0)
    storage = _storage(path)
    known = {study.study_name: study for study in optuna.get_all_study_summaries(storage)}
    for name, definition in definitions.items():
        if name in known:
            _check_definition(path, known[name].user_attrs.get(DEFINITION), definition, known[name].n_trials)
    return {name: _candidates(storage, name) if name in known else 0 for name in definitions}


def _candidates(storage: JournalStorage, name: str) -> int:
    return len(counted(storage.get_all_trials(storage.get_study_id_from_name(name), deepcopy=False)))


def proposed(store: Store, space: "Space") -> list[dict[str, Any]]:
    """The points that searches of a space have proposed, by their journals in a store, each once.

    Raises:
        SpecError: if the store is no folder, or a journal cannot be read.
    """
    content = json.loads(json.dumps(space.content()))
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(journal_path(store, "").parent.glob("*.journal")):
        storage = _storage(path)
        for study in storage.get_all_studies():
            if (study.user_attrs.get(DEFINITION) or {}).get("space") == content:
                for trial in storage.get_all_trials(study._study_id, deepcopy=False):
                    point = point_of(space.parameters(), trial.params)
                    found.setdefault(json.dumps(point, sort_keys=True), point)
    return list(found.values())


def candidates_in(path: Path, scale: Scale) -> list[dict[str, Any]]:
    """Every candidate of a journal: search (its name), number, top1 (%; None unless done), params, macs (full size).

    Read as it stands, while the search goes on too. Those of searches at another scale are left out.

    Raises:
        SpecError: if it cannot be read.
    """
    storage, rows = _storage(path), []
    for study in storage.get_all_studies():
        definition = study.user_attrs.get(DEFINITION) or {}
        if not is_at(definition, scale):
            continue
        objectives = definition["objectives"]
        for trial in counted(storage.get_all_trials(study._study_id, deepcopy=False)):
            done = trial.state == TrialState.COMPLETE and "top1" in objectives
            top1 = trial.values[objectives.index("top1")] if done else None
            figures = {name: trial.user_attrs.get(name) for name in ("params", "macs")}
            rows.append({"search": study.study_name, "number": trial.number, "top1": top1} | figures)
    return rows


def is_at(definition: Mapping[str, Any], scale: Scale) -> bool:
    """Whether a search ranks at a scale, whatever pictures it holds out for validation."""
    found = {part: dict(definition.get("scale", {}).get(part, {})) for part in ("data", "shrink", "recipe")}
    wanted = {part: json.loads(json.dumps(hashed(getattr(scale, part)))) for part in found}
    for side in (found, wanted):
        side["data"].pop("validation", None)
    by_width = definition.get("scale", {}).get("lr_base_width")
    return found == wanted and by_width == scale.lr_base_width


def journals_beside(path: Path) -> list[dict[str, Any]]:
    """What defines the other searches of a store, for each that has a journal; what cannot be read is passed over."""
    found = []
    for other in sorted(path.parent.glob("*.journal")):
        if other == path:
            continue
        try:
            summaries = optuna.get_all_study_summaries(_storage(other))
        except (SpecError, StoreError):
            continue
        found += [
            s.user_attrs[DEFINITION] for s in summaries if s.study_name == other.stem and DEFINITION in s.user_attrs
        ]
    return found


class BusyError(StoreError):
    """Another process runs the search."""


@contextmanager
def opened(path: Path) -> Iterator[JournalStorage]:
    """The journal, made if there is none, for this process alone.

    Raises:
        BusyError: if another process has it.
        StoreError: if it cannot be written.
        SpecError: if it is no journal.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(f"another process runs this search now: it holds {path}; --name begins another") from None
        _mend(file)
        Path(f"{path}.lock").unlink(missing_ok=True)  # Optuna's own, left by a process that was killed
        yield _storage(path)


def study_in(
    storage: JournalStorage, path: Path, name: str, directions: Sequence[Direction], definition: dict[str, Any]
) -> optuna.Study:
    """A study of the journal, made if there is none.

    Raises:
        SpecError: if it is of another search.
    """
    study = optuna.create_study(
        study_name=name, storage=storage, directions=list(directions), load_if_exists=True,
        sampler=optuna.samplers.RandomSampler(),
    )  # fmt: skip
    there = study.user_attrs.get(DEFINITION)
    _check_definition(path, there, definition, len(study.get_trials(deepcopy=False)))
    if there is None:
        study.set_user_attr(DEFINITION, definition)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(definition["objectives"])  # for Optuna's plots and its dashboard
    return study


def _storage(path: Path) -> JournalStorage:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            with path.open("rb") as file:
                if first := file.readline():
                    json.loads(first)["op_code"]  # Optuna passes over a last line that is none of its own
            return JournalStorage(JournalFileBackend(str(path)))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # whatever lines that Optuna did not write raise
        text = f"{path} is not the journal of a search, or is damaged ({type(error).__name__})"
        raise SpecError(f"{text}: move it away, or begin another with --name") from None


def _check_definition(path: Path, there: Any, here: dict[str, Any], trials: int) -> None:
    if there is None and not trials:
        return  # killed as it began
    if there is None:
        raise SpecError(f"{path} is the journal of another program: begin another with --name")
    if found := difference(there, here):
        raise SpecError(f"{path} is the journal of another search: {found}; --name begins a new one beside it")


def _mend(file: IO[bytes]) -> None:
    """Cut off a last line that a process was killed over: the next one would be appended to it."""
    file.seek(0)
    content = file.read()
    if content and not content.endswith(b"\n"):
        file.truncate(content.rfind(b"\n") + 1)
        os.fsync(file.fileno())
