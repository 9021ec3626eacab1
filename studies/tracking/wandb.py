"""Weights & Biases: a run a trial, in the project $WANDB_PROJECT, else t2t-studies; offline with WANDB_MODE=offline."""

import os
from collections.abc import Mapping
from typing import Any

import wandb

from studies.tracking.tracker import FIGURES, METRICS, Tracked, chosen
from studies.trials.results import EpochRecord

PROJECT = "t2t-studies"


class WandbTracker:
    """Metrics by epoch, config, and figures in the summary. A trial that goes on later goes on in its run.

    Args:
        folder: that wandb writes to.
    """

    title = "Weights & Biases"
    waits = True

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.project = os.environ.get("WANDB_PROJECT", PROJECT)
        self.where = f"project {self.project}"
        os.makedirs(folder, exist_ok=True)
        self._runs: dict[str, wandb.Run] = {}

    def epoch(self, trial: Tracked, record: EpochRecord) -> None:
        """One point of each metric."""
        self._run(trial).log(chosen(record, METRICS), step=record["epoch"])

    def end(self, trial: Tracked, status: str, figures: Mapping[str, Any], reason: str) -> None:
        """Finish the run with the trial's figures."""
        run = self._run(trial)
        run.summary.update({"status": status, **({"reason": reason} if reason else {}), **chosen(figures, FIGURES)})
        run.finish(exit_code=int(status == "failed"))
        self._runs.pop(trial.id)

    def close(self) -> None:
        """Finish what has not ended as failed: it is resumed when the trial goes on."""
        for run in self._runs.values():
            run.finish(exit_code=1)
        self._runs.clear()

    def _run(self, trial: Tracked) -> "wandb.Run":
        if trial.id not in self._runs:
            self._runs[trial.id] = wandb.init(
                project=self.project,
                dir=self.folder,
                id=trial.id,
                resume="allow",
                reinit="create_new",
                name=trial.name,
                group=f"{trial.study}@{trial.scale}",
                job_type=trial.arm,
                tags=[value[:64] for key, value in trial.tags.items() if key in ("group", "scale")],
                config=trial.tags | dict(trial.config),
                settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
            )
        return self._runs[trial.id]
