"""What a process of a trial has learnt for the next one, when it must end itself."""

from studies.store.errors import DamagedError
from studies.store.records import dump
from studies.store.store import Store

NAME = "micro_batch.json"


def keep_micro_batch(store: Store, trial_id: str, pictures: int) -> None:
    """Keep how many pictures of a forward pass are to be tried next: so many more were too many for the memory."""
    store.files.write(f"trials/{trial_id}/{NAME}", dump({"micro_batch": pictures}))


def kept_micro_batch(store: Store, trial_id: str) -> int | None:
    """What was kept; None if nothing was, or it is damaged."""
    try:
        found = store.read(trial_id, NAME)
    except DamagedError:
        return None
    return int(found["micro_batch"]) if found else None
