"""Faults inside a trial, for benchmarks/faults.py, which puts this folder first on PYTHONPATH.

Python runs a sitecustomize in every process, so the commands under test are as users have them. Every training step
is written down (trial, step), so that work that is done twice can be counted. The fault, if the folder names one,
strikes one trial, at one step: `raise`, `nan`, `die` (SIGKILL, as the kernel ends what takes too much memory), `hang`.
`clock` makes the clock jump by an hour, forwards and backwards, in every process.
"""

import os
import signal
import time
from pathlib import Path

FOLDER = os.environ.get("FAULTS_FOLDER")
STEP = 40


def fault() -> str:
    path = Path(str(FOLDER), "fault")
    return path.read_text() if path.exists() else ""


def is_victim(trial: str) -> bool:
    """Whether the fault is to strike this trial: the first that asks."""
    path = Path(str(FOLDER), "victim")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        path.write_text(trial)
    except FileExistsError:
        return path.read_text() == trial
    return True


def strike(kind: str) -> None:
    if kind == "raise":
        raise RuntimeError("injected")
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        time.sleep(3600)


def inject(module: object) -> None:
    from studies.training.data import folder, source  # where the random state of a step is set
    from studies.training.losses import Loss

    trainer, seed_all, loss_of = module.Trainer, source.seed_all, Loss.__call__  # type: ignore[attr-defined]
    begin, now = trainer.__init__, {"trial": "", "step": -1, "rank": 0}
    steps = os.open(Path(str(FOLDER), "steps"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def __init__(self, trial, *args, **kwargs):  # type: ignore[no-untyped-def]
        now["trial"] = trial.id
        begin(self, trial, *args, **kwargs)
        now["rank"] = self.ranks.rank

    def counted(seed, *names):  # type: ignore[no-untyped-def]
        if names[0] == "step":
            now["step"] = names[1]
            if now["rank"] == 0:
                os.write(steps, f"{now['trial']} {names[1]}\n".encode())
            if names[1] == STEP and (kind := fault()) and is_victim(now["trial"]):
                strike(kind)
        seed_all(seed, *names)

    def loss(self, *args):  # type: ignore[no-untyped-def]
        found = loss_of(self, *args)
        return found * float("nan") if now["step"] == STEP and fault() == "nan" and is_victim(now["trial"]) else found

    trainer.__init__, Loss.__call__ = __init__, loss
    source.seed_all = folder.seed_all = counted  # type: ignore[assignment]


if FOLDER:
    import wrapt

    wrapt.register_post_import_hook(inject, "studies.training.trainer")
    if fault() == "clock":
        real = time.time
        time.time = lambda: real() + (3600 if int(real()) % 2 else -3600)
