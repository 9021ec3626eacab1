"""A store of many trials with made-up results, made quickly: what a training writes, but not forced to the disk.

Three things took five minutes for ten thousand trials of 300 epochs: to make three million records of epochs up, to
write them as JSON and take their digests, and to force each file to the disk. Here `KINDS` trials are made up and
written by the functions that a training calls; the others have the epochs of one of these, and figures of their own.
"""

import os
import random
from collections.abc import Sequence
from pathlib import Path

from studies.store.files import LocalFiles
from studies.store.records import dump, parse
from studies.store.store import Store
from studies.trials.results import EpochRecord, Result
from studies.trials.trial import TrialSpec

KINDS = 20  # different histories in a store


class _Unsynced(LocalFiles):
    """A folder whose files are written at once: nobody reads them before they are all there."""

    def write(self, name: str, content: bytes) -> None:
        path = f"{self.root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def fill(root: Path, trials: Sequence[TrialSpec], epochs: int, seed: int = 0) -> None:
    """Make a store in which these trials are done."""
    store, chance = Store(root), random.Random(seed)
    store.files = files = _Unsynced(str(root))
    store.prepare()
    kinds = []
    for i, trial in enumerate(trials):
        store.plan(trial)
        folder = f"trials/{trial.id}"
        if i < KINDS:
            store.finish(trial.id, made_up(chance, epochs))
            kinds.append([files.read(f"{folder}/{name}.json") or b"" for name in ("history", "result")])
        else:
            history, result = kinds[i % KINDS]
            own = {"top1": 90 + chance.gauss(0, 1), "loss": chance.random(), "seconds": 20 * chance.random()}
            files.write(f"{folder}/history.json", history)
            files.write(f"{folder}/result.json", dump(parse(result) | own))


def made_up(chance: random.Random, epochs: int) -> Result:
    """A result whose numbers have as many digits as real ones."""
    course = [
        EpochRecord(
            epoch=i + 1,
            epochs=epochs,
            lr=chance.random() / 1000,
            train_loss=chance.random(),
            top1=90 + chance.gauss(0, 1),
            top5=99.0,
            loss=chance.random(),
            test_pictures=360,
            train_seconds=chance.random(),
            seconds=chance.random(),
            images_per_second=1000 * chance.random(),
        )
        for i in range(epochs)
    ]
    last = course[-1]
    return Result(
        top1=last["top1"],
        top5=last["top5"],
        loss=last["loss"],
        train_loss=last["train_loss"],
        params=50_000,
        trainable=50_000,
        macs=1_000_000,
        activations=10_000,
        pretrained_share=None,
        seconds=20 * chance.random(),
        images_per_second=last["images_per_second"],
        peak_memory_mb=500.0,
        device="made up",
        host="made up",
        versions={"torch": "2", "t2t-studies": "0"},
        history=course,
    )
