"""Trials that need one another, and a queue that is watched."""

from collections.abc import Sequence
from typing import Any

from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.engine.queue import Queue
from studies.language.scale_file import load_scale
from studies.store.store import Store
from studies.trials.trial import Teacher, TrialSpec

SCALE = load_scale("digits")
MODEL = shrink(preset("vit_s_16"), SCALE.shrink, 16, 3, 10)


def small(seed: int, pretrained: TrialSpec | None = None, teacher: TrialSpec | None = None) -> TrialSpec:
    return TrialSpec(
        model=MODEL,
        data=SCALE.data,
        recipe=SCALE.recipe,
        seed=seed,
        pretrained=pretrained.id if pretrained else None,
        teacher=Teacher(trial=teacher.id) if teacher else None,
    )


A, B, C = small(0), small(1), small(2)
RESULT: dict[str, Any] = {"top1": 50.0, "history": []}

CHILD = small(3, pretrained=A)
GRANDCHILD = small(4, teacher=CHILD)


class Told:
    """What a queue tells a run, in order."""

    def __init__(self) -> None:
        self.ends: list[tuple] = []
        self.others: list[str] | None = None

    def epoch(self, trial_id: str, record: dict[str, Any]) -> None:
        raise AssertionError("a queue knows of no epochs")

    def done(self, trial_id: str, result: dict[str, Any], here: bool) -> None:
        self.ends.append(("done", trial_id, result.get("top1"), here))

    def failed(self, trial_id: str, reason: str) -> None:
        self.ends.append(("failed", trial_id, reason))

    def pruned(self, trial_id: str, epoch: int) -> None:
        self.ends.append(("pruned", trial_id, epoch))

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        self.others = list(trials)


def queue(store: Store, told: Told, weights: dict[TrialSpec, float], **arguments: Any) -> Queue:
    """A queue of a run called ours over planned trials."""
    trials = list(weights)
    for trial in trials:
        store.plan(trial)
    return Queue(store, trials, {trial.id: weight for trial, weight in weights.items()}, told, "ours", **arguments)


def weighed(**weights: float) -> dict[TrialSpec, float]:
    """Weights by the names above."""
    return {globals()[name]: weight for name, weight in weights.items()}


def given_by(queue: Queue) -> str | None:
    task = queue.next()
    return task.trial if task else None


def finish(store: Store, queue: Queue, trial_id: str) -> None:
    """Train a trial, in no time."""
    store.finish(trial_id, RESULT, b"weights")
    queue.done(trial_id)


def drain(store: Store, queue: Queue) -> list[str]:
    """Train all, one at a time; the order."""
    order = []
    while not queue.finished:
        trial_id = given_by(queue)
        assert trial_id is not None
        order.append(trial_id)
        finish(store, queue, trial_id)
    return order
