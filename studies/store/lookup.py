"""The trial that a user means by the start of its id."""

from searchspace.expand import SpecError, nearest
from studies.store.store import Store

LEAST = 6  # digits of an id that are shown


def trial_named(store: Store, name: str) -> str:
    """The id of the trial that an id, or the start of one, means.

    Raises:
        SpecError: if it means none, or more than one.
    """
    known = store.ids()
    found = [trial_id for trial_id in known if name and trial_id.startswith(name)]
    if len(found) > 1:
        raise SpecError(f"more than one trial starts with {name!r}: {', '.join(found)}")
    if not found:
        what = f"no trial {name!r} in {store.root}"
        if not known:
            raise SpecError(f"{what}, which has none; --runs-dir or $STUDIES_RUNS_DIR names another store")
        starts = dict.fromkeys(trial_id[: max(LEAST, len(name))] for trial_id in known)
        raise SpecError(f"{what}{nearest(name, starts, most=8)} (`studies store ls` shows all)")
    return found[0]
