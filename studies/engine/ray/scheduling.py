"""Which trial Tune takes next, which it stops early, and what it tells the queue."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search import Searcher

from studies.engine.cluster import Cluster
from studies.engine.queue import Queue
from studies.store.store import Store
from studies.trials.results import EpochRecord

WORKER_DEATHS = 2  # a trial whose worker died is started again so often


class FromQueue(Searcher):
    """Tune's source of trials: the queue.

    Args:
        queue: of the run.
        most: how many trials Tune may have now.
        config: of each trial, but for what it is to train.
    """

    def __init__(self, queue: Queue, most: Callable[[], int], config: dict[str, Any]) -> None:
        super().__init__(metric="top1", mode="max")
        self.queue, self.most, self.config = queue, most, config

    def __reduce__(self) -> tuple[Any, ...]:
        return Searcher, ()  # Tune pickles it to restore an experiment, which the store does instead

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self.queue.finished:
            return Searcher.FINISHED
        if len(self.queue.given) >= self.most():
            return None
        task = self.queue.next()
        return None if task is None else self.config | {"task": asdict(task)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        pass

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class WithinGroups(FIFOScheduler):
    """ASHA for each group of arms by itself: an arm is judged against those that it is compared with."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cluster = cluster
        self.groups: dict[str, ASHAScheduler] = {}

    def _of(self, trial: Any) -> ASHAScheduler:
        group = trial.config["task"]["group"]
        if group not in self.groups:
            self.groups[group] = ASHAScheduler(
                time_attr="epoch",
                metric="top1",
                mode="max",
                max_t=10**6,
                grace_period=self.cluster.grace_period,
                reduction_factor=self.cluster.reduction_factor,
            )
        return self.groups[group]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return self._of(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        self._of(trial).on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        self._of(trial).on_trial_remove(tune_controller, trial)


class Judged(FIFOScheduler):
    """Stops early what the queue says."""

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self.queue = queue

    def __reduce__(self) -> tuple[Any, ...]:
        return FIFOScheduler, ()

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if result["outcome"] != "epoch" or self.queue.judge is None:
            return self.CONTINUE
        return self.STOP if self.queue.judge(_task(trial), _record(result)) else self.CONTINUE


class Relay(tune.Callback):
    """Tells the queue what Tune reports.

    Attributes:
        running: trials that have a worker.
        broken: why the store cannot be written; "" if it can.
    """

    def __init__(self, store: Store, queue: Queue, run: str) -> None:
        self.store, self.queue, self.run = store, queue, run
        self.running: set[str] = set()
        self.broken = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return tune.Callback, ()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self.running.add(_task(trial))
        self.queue.events.started(_task(trial))

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:
        if result["outcome"] == "epoch":
            self.queue.events.epoch(_task(trial), _record(result))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        trial_id, last = _task(trial), trial.last_result
        self.running.discard(trial_id)
        outcome = last.get("outcome", "lease lost")
        if outcome == "epoch" and last["epoch"] < _record(last)["epochs"]:
            self.store.prune(trial_id, last["epoch"], _record(last)["top1"], self.run)
            self.queue.pruned(trial_id, last["epoch"])
        elif outcome in ("epoch", "done"):
            self.queue.done(trial_id, here=outcome == "epoch")
        elif outcome == "failed":
            self.queue.failed(trial_id, last["why"])
        else:
            self.broken = self.broken or last.get("why", "")
            self.queue.back(trial_id)
            if outcome != "lease lost":
                self.queue.close()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        trial_id = _task(trial)
        self.running.discard(trial_id)
        why = (self.store.failure(trial_id) or {}).get("reason")
        if why is None:
            why = f"its worker died {WORKER_DEATHS + 1} times (out of memory?)"
            self.store.fail(trial_id, why, str(trial.get_error() or ""), self.run)
        self.queue.failed(trial_id, why)


def _task(trial: Any) -> str:
    return trial.config["task"]["trial"]


def _record(result: dict[str, Any]) -> EpochRecord:
    (record,) = result["record"]
    return record
