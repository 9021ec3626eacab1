"""Bring a store of an older format up to date. Each step takes one version to the next, trial by trial; what is done
is recognised, so that a migration that was killed goes on. Nothing is removed before what replaces it is written."""

import json
from typing import Any, cast

from studies.store.errors import DamagedError
from studies.store.files import StoreError
from studies.store.records import dump
from studies.store.root import FORMAT
from studies.store.store import Store
from studies.trials.identity import canonical, digest
from studies.trials.results import Result
from studies.trials.trial import TrialSpec


def migrate(store: Store) -> tuple[int, list[str]]:
    """Migrate a store to this version's format.

    Returns:
        How many trials were taken over, and a line for each that could not be read and stays as it is.

    Raises:
        StoreError: if there is no store, or it was written by a newer version.
    """
    found = store.format()
    if found is None:
        raise StoreError(f"no store in {store.root}")
    if found > FORMAT:
        store.check()
    moved, left = 0, []
    for name in store.ids():
        try:
            renamed = _one_to_two(store, name)
            moved += _two_to_three(store, renamed or name) or renamed is not None
        except DamagedError as error:
            left.append(str(error))
        except StoreError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            left.append(f"{store.folder(name)}: {' '.join(str(error).split())[:200]}")
    store.prepare()
    return moved, left


def _one_to_two(store: Store, name: str) -> str | None:
    """The id that a trial has now, if it was of schema 1.

    Schema 2 names the trials that a trial starts from, and every record has a digest of itself.

    A checkpoint of schema 1 says nothing of the epoch under way; it is left out, and the trial starts anew.
    """
    files = store.files
    content = files.read(f"trials/{name}/trial.json")
    if content is None:
        raise ValueError("it has no trial.json")
    old = json.loads(content)
    if "sha256" in old:
        return None  # of this schema already
    if _id(old) != name:
        raise ValueError("trial.json is not that of this folder")
    trial = TrialSpec.model_validate(old | {"schema_version": 2, "teacher": None, "pretrained": None})
    records = {"trial.json": dump(trial.content())}
    for record in ("result.json", "failure.json"):
        content = files.read(f"trials/{name}/{record}")
        if content is not None:
            moved = json.loads(content)
            if "traceback" in moved:
                moved["traceback"] = files.show(f"trials/{trial.id}/traceback.txt")
            records[record] = dump(moved)
    traceback = files.read(f"trials/{name}/traceback.txt")
    if traceback is not None:
        records["traceback.txt"] = traceback
    for record, content in records.items():  # all that could not be read is known by now
        files.write(f"trials/{trial.id}/{record}", content)
    for rest in files.names(f"trials/{name}"):  # trial.json last: with it, a migration that is killed begins again
        if rest != "trial.json":
            files.remove(f"trials/{name}/{rest}")
    files.remove(f"trials/{name}")
    return trial.id


def _two_to_three(store: Store, name: str) -> bool:
    """The epochs of a trial get a file of their own, so that figures load fast; whether they were in its result."""
    result = store.read(name, "result.json")
    if result is None or not isinstance(result["history"], list):
        return False
    store.write_result(name, cast(Result, result))
    return True


def _id(content: dict[str, Any]) -> str:
    return digest(canonical(content))
