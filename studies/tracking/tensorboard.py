"""TensorBoard: event files, a folder a trial."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from studies.tracking.tracker import FIGURES, METRICS, Tracked, chosen
from studies.trials.results import EpochRecord


class TensorBoardTracker:
    """Scalars by epoch, and the figures of trials that are done under `hparams`.

    Args:
        folder: `tensorboard --logdir` shows it.
    """

    title = "TensorBoard"
    waits = True

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, str(folder)
        self._writers: dict[str, SummaryWriter] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def epoch(self, trial: Tracked, record: EpochRecord) -> None:
        """One point of each curve."""
        writer = self._writer(trial, record["epoch"])
        for name, value in chosen(record, METRICS).items():
            writer.add_scalar(name, value, record["epoch"])
        writer.flush()

    def end(self, trial: Tracked, status: str, figures: Mapping[str, Any], reason: str) -> None:
        """Close the trial's file."""
        writer = self._writer(trial, None)
        writer.add_text("status", f"{status}: {reason}" if reason else status)
        if figures:
            plain = {key: value for key, value in trial.config.items() if isinstance(value, int | float | str | bool)}
            found = {f"final/{name}": value for name, value in chosen(figures, FIGURES).items()}
            writer.add_hparams(trial.tags | plain, found, run_name=".")
        self._writers.pop(trial.id).close()

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, trial: Tracked, first: int | None) -> SummaryWriter:
        """A trial's writer; what an interrupted run has written from its first epoch on is hidden."""
        if trial.id not in self._writers:
            folder = self.folder / f"{trial.study}@{trial.scale}" / f"{trial.name} ({trial.id[:6]})".replace("/", "_")
            self._writers[trial.id] = SummaryWriter(str(folder), purge_step=first)
        return self._writers[trial.id]
