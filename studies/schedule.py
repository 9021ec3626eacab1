"""Ray Tune schedules the trials over cores or GPUs. The only file that imports Ray.

Tune places trials on workers and restarts those whose worker died; what a trial is, where it stands and what came
of it is in the store. Workers are reused, so that torch is imported once a worker and not once a trial.
"""

import logging
import os
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from searchspace.expand import SpecError
from studies.execute import Events, reason, train
from studies.store import Store
from studies.trial import TrialSpec

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "60")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is ours, as without Ray
os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")

warnings.filterwarnings("ignore", module=r"ray\..*")

import ray  # noqa: E402 (its settings are read at import)
from ray import tune  # noqa: E402

WORKER_DEATHS = 2  # a trial whose worker died is started again so often


class StoredTrial(tune.Trainable):
    """One trial of the store in Tune's terms; a step is an epoch."""

    def setup(self, config: dict[str, Any]) -> None:
        """Begin with a trial."""
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial; the worker stays."""
        self._records = train(Store(new_config["runs_dir"]), new_config["trial"])
        return True

    def step(self) -> dict[str, Any]:
        """Train an epoch. A failure ends the trial, not the worker; the store has the reason."""
        try:
            record = next(self._records, None)
        except Exception as error:
            return {"done": True, "failure": reason(error)}
        return {"done": True, "finished": True} if record is None else {"done": False, "record": record}


class _Relay(tune.Callback):
    """Tells a run's events of what Tune reports."""

    def __init__(self, store: Store, events: Events) -> None:
        self.store, self.events = store, events

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its callbacks to restore an experiment, which the store does instead.
        return tune.Callback, ()

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:
        trial_id = trial.config["trial"]
        if "record" in result:
            self.events.epoch(trial_id, result["record"])
        elif "failure" in result:
            self.events.failed(trial_id, result["failure"])
        elif result.get("finished"):
            self.events.done(trial_id)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        trial_id = trial.config["trial"]
        why = f"its worker died {WORKER_DEATHS + 1} times (out of memory?)"
        self.store.fail(trial_id, why, (trial.get_error() and str(trial.get_error())) or "")
        self.events.failed(trial_id, why)


def run_ray(store: Store, trials: Sequence[TrialSpec], events: Events, jobs: int, gpus_per_trial: float = 0.0) -> None:
    """Train the trials, `jobs` at a time, each on one core and, if asked, on (a share of) a GPU.

    Raises:
        SpecError: if the machine does not have what one trial asks for.
    """
    with _cluster(jobs), tempfile.TemporaryDirectory(prefix="studies-tune-") as scratch:
        there = ray.cluster_resources()
        if gpus_per_trial > there.get("GPU", 0):
            raise SpecError(f"a trial asks for {gpus_per_trial:g} GPU(s), but Ray sees {there.get('GPU', 0):g}")
        tuner = tune.Tuner(
            tune.with_resources(StoredTrial, {"cpu": 1, "gpu": gpus_per_trial}),
            param_space={
                "runs_dir": str(store.root),
                "trial": tune.grid_search([trial.id for trial in trials]),
            },
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=jobs),
            run_config=tune.RunConfig(
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=WORKER_DEATHS),
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                callbacks=[_Relay(store, events)],
            ),
        )
        tuner.fit()
        left = [trial.id for trial in trials if store.state(trial.id) not in ("done", "failed")]
        if left:
            raise RuntimeError(f"Ray Tune stopped with {len(left)} trials open: run the same command again")


@contextmanager
def _cluster(jobs: int) -> Any:
    """A Ray of our own on this machine, silent, gone at the end."""
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    ray.init(
        address="local",  # never another cluster that happens to run here
        num_cpus=jobs,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        configure_logging=False,
        runtime_env={"env_vars": {"PYTHONWARNINGS": "ignore"}},
    )
    try:
        yield
    finally:
        ray.shutdown()
