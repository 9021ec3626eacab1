"""A trial, and what tests do to the files of a store."""

import uuid
from collections.abc import Callable
from pathlib import Path

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.scale_file import load_scale
from studies.store.store import Store
from studies.trials.trial import TrialSpec

HERE = Path(__file__).parent / "studies" / "trials"
RESULT = {"top1": 91.5, "loss": 0.3, "history": [{"epoch": 1, "top1": 91.5}]}


def small(seed: int = 0) -> TrialSpec:
    scale = load_scale("digits")
    model = shrink(preset("vit_s_16"), scale.shrink, 16, 3, 10)
    return TrialSpec(model=model, data=scale.data, recipe=scale.recipe, seed=seed)


TRIAL = small()


def in_memory() -> str:
    return f"memory://{uuid.uuid4().hex}/runs"


def change(store: Store, trial_id: str, name: str, how: Callable[[bytes], bytes]) -> None:
    """What a disk or a hand does to a file."""
    content = store.files.read(f"trials/{trial_id}/{name}")
    assert content is not None
    store.files.write(f"trials/{trial_id}/{name}", how(content))


def flip(content: bytes, bit: int) -> bytes:
    """One bit of a content changed."""
    changed = bytearray(content)
    changed[bit // 8 % len(content)] ^= 1 << bit % 8
    return bytes(changed)


def names(store: Store, trial_id: str) -> list[str]:
    return store.files.names(f"trials/{trial_id}")


def checkpoints(store: Store, trial_id: str) -> list[str]:
    return [name for name in names(store, trial_id) if name.startswith("checkpoint-")]


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, those half written too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
