"""The trial that a user means by the start of its id."""

from searchspace.expand import SpecError, nearest
from studies.store.store import Store


def trial_named(store: Store, name: str) -> str:
    """The id of the trial that an id, or the start of one, means.

    Raises:
        SpecError: if it means none, or more than one.
    """
    known = store.ids()
    found = [trial_id for trial_id in known if name and trial_id.startswith(name)]
    if len(found) != 1:
        what = f"more than one trial starts with {name!r}" if found else f"no trial {name!r} in {store.root}"
        raise SpecError(what + (f": {', '.join(found)}" if found else nearest(name, known) if len(known) < 9 else ""))
    return found[0]
