"""A store whose trials are done, failed and planned, made through the store itself: nothing was trained."""

from pathlib import Path
from typing import Any

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.expansion import at_scale, trials
from studies.language.scale_file import load_scale
from studies.language.study import Study
from studies.store.store import Store
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

SCALE = load_scale("digits")


def small(name: str = "vit_s_16", seed: int = 0, **changes: Any) -> TrialSpec:
    model = shrink(preset(name), SCALE.shrink, 16, 3, 10)
    return TrialSpec(model=model, data=SCALE.data, recipe=SCALE.recipe, seed=seed, **changes)


VIT, AGAIN, T2T, CNN = small(), small(seed=1), small("t2t_vit_14"), small("resnet50")
CHILD = small(seed=2, pretrained=VIT.id)


def result(top1: float, epochs: int = 2) -> dict[str, Any]:
    """What training leaves, in short."""
    names = ("lr", "train_loss", "loss", "top5", "test_pictures", "train_seconds", "seconds", "images_per_second")
    history = [
        {"epoch": i + 1, "epochs": epochs, "top1": top1 - 1 / (i + 3)} | dict.fromkeys(names, 1 / 3 + i)
        for i in range(epochs)
    ]
    figures = dict.fromkeys(("top5", "loss", "train_loss", "seconds", "images_per_second", "peak_memory_mb"), 2 / 3)
    counts = dict.fromkeys(("params", "trainable", "macs", "activations"), 12345)
    where = {"device": "x86_64 CPU, 1 thread", "host": "here", "versions": {"torch": "2.6"}, "pretrained_share": None}
    return {"top1": top1, **figures, **counts, **where, "history": history}


def ids(*trials: TrialSpec) -> set[str]:
    return {trial.id for trial in trials}


def change(store: Store, trial: TrialSpec, name: str, old: bytes, new: bytes) -> None:
    path = f"trials/{trial.id}/{name}"
    content = store.files.read(path)
    assert content is not None and old in content
    store.files.write(path, content.replace(old, new))


def filled(root: Path) -> Store:
    """Three trials that are done, one that failed, one that is planned."""
    store = Store(root)
    store.prepare()
    for trial in (VIT, AGAIN, T2T, CNN, CHILD):
        store.plan(trial)
    store.finish(VIT.id, result(91.5), b"weights")
    store.finish(AGAIN.id, result(90.25, epochs=3))
    store.finish(CNN.id, result(88.125))
    store.fail(T2T.id, "TrainingError: the loss is nan", "line 7")
    return store


def trained(root: Path, study: Study, scale: Scale = SCALE, **top1: float) -> Store:
    """Every trial of a study done, seed after seed: `top1` of the arms that are named, and 80 % of the others.

    Seeds differ by half a point.
    """
    store = Store(root)
    store.prepare()
    for arm, trial in trials(at_scale(study, scale), study.seeds):
        store.plan(trial)
        made = result(top1.get(arm.name, 80.0) + trial.seed / 2)
        made["history"][-1]["test_pictures"] = 600
        store.finish(trial.id, made)
    return store
