"""Whether the files of a trial are what was written."""

from studies.store.errors import NewerError
from studies.store.files import StoreError
from studies.store.records import is_checkpoint
from studies.store.store import Store
from studies.trials.identity import digest


def problems(store: Store, trial_id: str) -> list[str]:
    """What is wrong with the files of a trial: one line each, none if all is well."""
    found = []
    for name in ("trial.json", "result.json", "failure.json", "pruned.json"):
        try:
            store.read(trial_id, name)
            store.trial(trial_id) if name == "trial.json" else store.figures(trial_id)
        except NewerError:
            continue
        except StoreError as error:
            found.append(str(error))
    found = list(dict.fromkeys(found))
    result = None if found else store.figures(trial_id)
    try:
        store.history(trial_id)
    except StoreError as error:
        found += [] if str(error) in found else [str(error)]
    if result and result.get("weights_sha256") and store.weights(trial_id) is None:
        found.append(f"{store.folder(trial_id)}/weights.safetensors: not the weights of this result, or gone")
    for name in store.files.names(f"trials/{trial_id}"):
        if is_checkpoint(name):
            content = store.files.read(f"trials/{trial_id}/{name}") or b""
            if not name.endswith(f"-{digest(content)}.pt"):
                found.append(f"{store.folder(trial_id)}/{name}: torn or changed")
        elif name.endswith(".damaged"):
            found.append(f"{store.folder(trial_id)}/{name}: put aside by an earlier run")
    return found
