"""A small trial that several processes train together, and what tests do to these."""

import signal
from pathlib import Path

from parenthood import small
from trainings import TIMES

from studies.engine.options import Options
from studies.engine.team import Job, Member, Subprocesses
from studies.engine.worker import train
from studies.store.store import Store
from studies.trials.trial import TrialSpec

VIT = small("vit_s_16", backbone__depth=2, backbone__embed_dim=24)
# Dropout in the Performers of its tokenizer and before its head, and stochastic depth.
RANDOM = small("t2t_vit_14", backbone__depth=2, backbone__embed_dim=24, backbone__drop_path_rate=0.4, drop_rate=0.3)


def numbers(store: Store, trial: TrialSpec) -> list[dict]:
    """The history, without what the clock says and what people are told."""
    result = store.result(trial.id)
    assert result is not None
    return [{k: v for k, v in record.items() if k not in TIMES | {"notes"}} for record in result["history"]]


def trained(folder: Path, trial: TrialSpec, **options: object) -> Store:
    store = Store(folder)
    store.plan(trial)
    list(train(store, trial.id, Options("run", **options)))  # type: ignore[arg-type]
    return store


class Killing(Subprocesses):
    """Starts other ranks, and can kill them."""

    def __init__(self) -> None:
        self.members: list[Member] = []

    def start(self, job: Job) -> Member:
        self.members.append(super().start(job))
        return self.members[-1]

    def kill(self) -> None:
        self.members[-1].process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
