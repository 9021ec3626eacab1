"""Ray Tune schedules the trials over cores or GPUs. The only file that imports Ray.

Tune places trials on workers and restarts those whose worker died; which trial comes next is the queue's answer, what
a trial is, where it stands and what came of it is in the store. Workers are reused, so that torch is imported once a
worker and not once a trial. Tune runs in a thread of its own, so that this process can leave when Ray is dead.
"""

import logging
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from searchspace.expand import SpecError
from studies.engine.cluster import Cluster, Watchdog, children, kill
from studies.engine.events import LeaseLostError, RayDiedError, StoppedError, TrialFailedError, reason
from studies.engine.heart import ask_to_stop, take_back_stop
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.engine.worker import train
from studies.store.files import StoreError
from studies.store.store import Store
from studies.trials.results import EpochRecord

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "60")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is ours, as without Ray
os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # else the log of a node that dies is printed
os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", "1")
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")  # a trial that another run has has no figures

warnings.filterwarnings("ignore", module=r"ray\..*")

import ray  # noqa: E402 (its settings are read at import)
from ray import tune  # noqa: E402
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler  # noqa: E402
from ray.tune.search import Searcher  # noqa: E402

WORKER_DEATHS = 2  # a trial whose worker died is started again so often
STOP_SECONDS = 60.0  # at least, for trials to finish their step and save


class StoredTrial(tune.Trainable):
    """One trial of the store in Tune's terms; a step is an epoch."""

    _records: Iterator[EpochRecord] = iter(())
    _may_stop = True

    def setup(self, config: dict[str, Any]) -> None:
        """Begin with a trial."""
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial; the worker stays."""
        self.cleanup()
        task, options = new_config["task"], Options(**new_config["options"])
        self._may_stop = task["may_stop"]
        self._records = train(Store(new_config["runs_dir"]), task["trial"], options, dead_lease=task["dead_lease"])
        return True

    def cleanup(self) -> None:
        """Let go of the trial, which Tune may have stopped early."""
        getattr(self._records, "close", lambda: None)()

    def step(self) -> dict[str, Any]:
        """Train an epoch, and say what came of it. A failure ends the trial, not the worker."""
        try:
            record = next(self._records, None)
        except LeaseLostError:
            return {"done": True, "outcome": "lease lost"}
        except StoppedError:
            return {"done": True, "outcome": "stopped"}
        except StoreError as error:
            return {"done": True, "outcome": "broken", "why": str(error)}
        except TrialFailedError as error:
            return {"done": True, "outcome": "failed", "why": str(error)}
        except Exception as error:
            return {"done": True, "outcome": "failed", "why": reason(error)}
        if record is None:
            return {"done": True, "outcome": "done"}
        last = record["epoch"] == record["epochs"]
        judged = {"top1": record["top1"]} if self._may_stop else {}  # ASHA passes over what has no figure
        return {"done": last, "outcome": "epoch", "record": record, "epoch": record["epoch"], **judged}


class _FromQueue(Searcher):
    """Tune's source of trials: the queue."""

    def __init__(self, queue: Queue, most: int | None, config: dict[str, Any]) -> None:
        super().__init__(metric="top1", mode="max")
        self.queue, self.most, self.config = queue, most, config

    def __reduce__(self) -> tuple[Any, ...]:
        return Searcher, ()  # Tune pickles it to restore an experiment, which the store does instead

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self.queue.finished:
            return Searcher.FINISHED
        if self.most is not None and len(self.queue.given) >= self.most:
            return None
        task = self.queue.next()
        return None if task is None else self.config | {"task": asdict(task)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        pass

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class _WithinGroups(FIFOScheduler):
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


class _Relay(tune.Callback):
    """Tells the queue what Tune reports."""

    def __init__(self, store: Store, queue: Queue, run: str) -> None:
        self.store, self.queue, self.run = store, queue, run
        self.broken = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return tune.Callback, ()

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:
        if result["outcome"] == "epoch":
            self.queue.events.epoch(_task(trial), result["record"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        trial_id, last = _task(trial), trial.last_result
        outcome = last.get("outcome", "lease lost")
        if outcome == "epoch" and last["epoch"] < last["record"]["epochs"]:
            self.store.prune(trial_id, last["epoch"], last["record"]["top1"], self.run)
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
        why = (self.store.failure(trial_id) or {}).get("reason")
        if why is None:
            why = f"its worker died {WORKER_DEATHS + 1} times (out of memory?)"
            self.store.fail(trial_id, why, str(trial.get_error() or ""), self.run)
        self.queue.failed(trial_id, why)


def run_ray(
    store: Store,
    queue: Queue,
    options: Options,
    cluster: Cluster,
    stopping: threading.Event,
    begin: Callable[[], None],
) -> None:
    """Train the trials of a queue, some at a time; `begin` is called when the cluster has what they ask for.

    Raises:
        SpecError: if the cluster does not have what one trial asks for.
        StoppedError: if it was asked to stop.
        StoreError: if the store cannot be written.
        RayDiedError: if Ray does not live any more; leave without `ray.shutdown`, which would wait for it.
    """
    with _ray(cluster) as watch, tempfile.TemporaryDirectory(prefix="studies-tune-") as scratch:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cluster = cluster.settled(nodes)
        cluster.check(nodes)
        begin()
        if stopping.is_set():
            raise StoppedError
        # One more than can run waits in Tune, so that a worker that becomes free is used again at once.
        most = None if cluster.jobs is None else cluster.jobs + (cluster.address is None)
        relay = _Relay(store, queue, options.run)
        resources = {name.lower() if name in ("CPU", "GPU") else name: n for name, n in cluster.resources().items()}
        tuner = tune.Tuner(
            tune.with_resources(StoredTrial, resources),
            tune_config=tune.TuneConfig(
                search_alg=_FromQueue(queue, most, {"runs_dir": store.root, "options": asdict(options)}),
                metric="top1",
                mode="max",
                num_samples=-1,
                scheduler=_WithinGroups(cluster) if cluster.early_stop else None,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=WORKER_DEATHS),
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                callbacks=[relay],
            ),
        )
        _drive(tuner, store, queue, options, stopping, watch)
        if relay.broken:
            raise StoreError(relay.broken)


def _drive(
    tuner: Any, store: Store, queue: Queue, options: Options, stopping: threading.Event, watch: Watchdog
) -> None:
    """Run Tune in a thread; leave it when it has ended, was asked to stop, or Ray is dead."""
    raised: list[BaseException] = []

    def fit() -> None:
        try:
            tuner.fit()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=fit, name="Tune", daemon=True)
    thread.start()
    asked = 0.0
    limit = max(STOP_SECONDS, options.step_timeout)
    while thread.is_alive():
        thread.join(0.1)
        if why := watch.dead():
            raise RayDiedError(why)
        if stopping.is_set() and not asked:
            asked = time.monotonic()
            queue.close()
            ask_to_stop(store.files, options.run)
        if asked and time.monotonic() - asked > limit:
            raise RayDiedError(f"trials did not stop within {limit:g} s")
    if asked:
        take_back_stop(store.files, options.run)
        raise StoppedError
    if raised:
        raise raised[0]


def _task(trial: Any) -> str:
    return trial.config["task"]["trial"]


@contextmanager
def _ray(cluster: Cluster) -> Iterator[Watchdog]:
    """A Ray of our own on this machine, or a running one; silent, and left at the end."""
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what fails, we say
    before = children()
    settings: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "ERROR",
        "configure_logging": False,
        "runtime_env": {"env_vars": {"PYTHONWARNINGS": "ignore"}},
    }
    if cluster.address:
        cluster.reachable()
        try:
            ray.init(address=cluster.address, **settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            text = " ".join(str(error).split())[:200]
            raise SpecError(f"no Ray cluster at --address {cluster.address}: {text}") from None
    else:
        # "local": never another cluster that happens to run here.
        ray.init(address="local", num_cpus=cluster.cores, include_dashboard=False, **settings)
    started = [] if cluster.address else [process for process in children() if process not in before]
    watch = Watchdog(lambda: any(node["Alive"] for node in ray.nodes()), started, cluster.silence)
    watch.start()
    died = False
    try:
        yield watch
    except RayDiedError:
        died = True
        kill(started)
        raise
    finally:
        watch.ended.set()
        if not died:
            ray.shutdown()
