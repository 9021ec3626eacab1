"""MLflow: a run a trial, in an experiment of the study's name, at $MLFLOW_TRACKING_URI or MLflow's default."""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mlflow import get_tracking_uri
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from studies.tracking.tracker import FIGURES, METRICS, Tracked, chosen
from studies.trials.results import EpochRecord

ENDS = {"done": "FINISHED", "failed": "FAILED", "pruned": "KILLED"}
PARAMS = 100  # at a time, MLflow's limit


class MlflowTracker:
    """Parameters, metrics by epoch, tags that trials are found by."""

    title = "MLflow"
    waits = True

    def __init__(self) -> None:
        self.where = get_tracking_uri()
        self._runs: dict[str, str] = {}

    @cached_property
    def client(self) -> MlflowClient:
        """Made when something is told: one that waits for a server, or a database, is not to hold the run."""
        return MlflowClient()

    def epoch(self, trial: Tracked, record: EpochRecord) -> None:
        """One point of each metric."""
        run, at = self._run(trial), record["epoch"]
        self.client.log_batch(run, [Metric(name, x, _now(), at) for name, x in chosen(record, METRICS).items()])

    def end(self, trial: Tracked, status: str, figures: Mapping[str, Any], reason: str) -> None:
        """End the run with the trial's figures."""
        run = self._run(trial)
        metrics = [Metric(f"final_{name}", value, _now(), 0) for name, value in chosen(figures, FIGURES).items()]
        self.client.log_batch(run, metrics, tags=[RunTag("reason", reason)] if reason else [])
        self.client.set_terminated(run, ENDS[status])
        self._runs.pop(trial.id)

    def close(self) -> None:
        """Trials that have not ended are `KILLED`, and `RUNNING` again when they go on."""
        for run in self._runs.values():
            self.client.set_terminated(run, "KILLED")
        self._runs.clear()

    def _run(self, trial: Tracked) -> str:
        """The run of a trial: the one that an earlier run of the study has begun, else a new one."""
        if trial.id not in self._runs:
            found = self.client.get_experiment_by_name(trial.study)
            experiment = found.experiment_id if found else self.client.create_experiment(trial.study)
            runs = self.client.search_runs([experiment], f"tags.trial = '{trial.id}'", max_results=1)
            if runs:
                self._runs[trial.id] = runs[0].info.run_id
                self.client.set_terminated(runs[0].info.run_id, "RUNNING")
            else:
                self._runs[trial.id] = self._begun(trial, experiment)
        return self._runs[trial.id]

    def _begun(self, trial: Tracked, experiment: str) -> str:
        run = self.client.create_run(experiment, tags=trial.tags, run_name=trial.name).info.run_id
        params = [Param(key, str(value)[:6000]) for key, value in trial.config.items()]
        for first in range(0, len(params), PARAMS):
            self.client.log_batch(run, params=params[first : first + PARAMS])
        return run


def _now() -> int:
    """Milliseconds since 1970."""
    return int(1000 * time.time())
