"""A study that faults are done to: its files, its runs, and the comparison with a run that nothing happened to."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml

from studies import history, results

HERE = Path(__file__).parent
STUDY = {
    "study": "faults",
    "base": "t2t_vit_14",
    "seeds": 1,
    "arms": {
        "teacher": {"base": "vit_s_16"},
        "plain": {},
        "student": {"distilled": True, "teacher": "teacher"},
        "fine-tuned": {"pretrained": "plain"},
        "transformer": {"tokenizer.mixer": "transformer"},
    },
}
SHRINK = {"width": 8, "depth": 4, "heads": 2, "patch_size": 4, "token_dim": 16, "stem": "small"}
SHRINK |= {"splits": [[3, 2, 1], [3, 2, 1], [3, 1, 1]], "init": "lecun_normal", "drop_path_rate": 0.1}
SCALE = {
    "scale": "faults",
    "description": "trials of some seconds",
    "data": {"kind": "digits", "train_size": 1024, "test_size": 256},
    "shrink": SHRINK,
    "recipe": {"epochs": 6, "batch_size": 32, "lr": 0.002, "shift": 1},
}
PAIR = STUDY | {"arms": {"plain": {}, "vit": {"base": "vit_s_16"}}}
PICTURES = {"kind": "folder", "name": "faults", "img_size": 16, "num_classes": 10}
OF_FILES = SCALE | {"data": PICTURES | {"train_size": 1024, "test_size": 256}}
OF_FILES |= {"recipe": SCALE["recipe"] | {"shift": 0, "augment": {"crop": "resized"}}}  # type: ignore[operator]
PARTS = ("driver", "worker", "raylet", "gcs_server")
TIMES = ("seconds", "images_per_second", "peak_memory_mb", "train_seconds", "finished_at")
TOLD = ("notes",)  # to people: a fault is told there


@dataclass
class Bench:
    """A folder with the study, its scale, and a store for each row; `options` are those of all its runs."""

    folder: Path
    rng: random.Random
    epochs: int = 6
    study: dict[str, Any] = field(default_factory=lambda: STUDY)
    scale: dict[str, Any] = field(default_factory=lambda: SCALE)
    options: tuple[str, ...] = ()
    rows: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "study.yaml").write_text(yaml.safe_dump(self.study))
        recipe = self.scale["recipe"] | {"epochs": self.epochs}
        (self.folder / "scale.yaml").write_text(yaml.safe_dump(self.scale | {"recipe": recipe}))
        if self.scale["data"]["kind"] == "folder":
            write_pictures(self.folder, self.scale["data"])
        self.runs = self.folder / "whole"
        assert self.run("--executor", "inline").wait() == 0
        self.whole = self.frames()

    @contextmanager
    def row(self, name: str, kind: str = "") -> Iterator[Path]:
        """A store of its own, and a folder in which a fault is named."""
        self.runs = self.folder / name.replace(" ", "-").replace(",", "")
        self.faults = self.folder / f"{self.runs.name}.faults"
        self.faults.mkdir()
        (self.faults / "fault").write_text(kind)
        yield self.runs

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `studies run`; its output goes to a file beside the store."""
        command = [sys.executable, "-m", "studies.cli", "run", str(self.folder / "study.yaml")]
        command += ["--scale", str(self.folder / "scale.yaml"), "--runs-dir", str(self.runs)]
        command += [*self.options, *arguments]
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "STUDIES_DATA": str(self.folder)}
        if hasattr(self, "faults"):
            path = os.pathsep.join([str(HERE / "injected"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
            environment |= {"FAULTS_FOLDER": str(self.faults), "PYTHONPATH": path}
        with open(f"{self.runs}.log", "ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def frames(self) -> list[pd.DataFrame]:
        """Results and epochs of the store, without times and what people are told."""
        arguments = str(self.folder / "study.yaml"), self.runs, str(self.folder / "scale.yaml"), [0]
        frames = results(*arguments), history(*arguments)
        return [frame.drop(columns=[name for name in (*TIMES, *TOLD) if name in frame]) for frame in frames]

    def wait_for_training(self, process: subprocess.Popen[bytes], checkpoints: int = 1) -> None:
        """Until some trial has a checkpoint, and a moment longer."""
        while len(list(self.runs.glob("trials/*/checkpoint-*"))) < checkpoints:
            assert process.poll() is None, Path(f"{self.runs}.log").read_text()[-2000:]
            time.sleep(0.05)
        time.sleep(self.rng.uniform(0, 1.5))

    def finish(self, name: str, left: str) -> None:
        """Train the rest by one plain run, compare, and keep the row."""
        (self.faults / "fault").write_text("")
        lost = self.lost()
        start = time.monotonic()
        status = self.run().wait(timeout=600)
        took = time.monotonic() - start
        frames = self.frames()
        same = all(mine.equals(whole) for mine, whole in zip(frames, self.whole, strict=True))
        twice = self.lost()
        self.rows.append([name, left, f"{max(lost, twice):.1f}", f"exit {status}, {took:.0f} s", _word(same)])
        print(" | ".join(self.rows[-1]), flush=True)

    def lost(self) -> float:
        """Epochs' worth of steps that were trained more than once."""
        path = self.faults / "steps"
        steps = path.read_text().splitlines() if path.exists() else []
        steps_per_epoch = self.scale["data"]["train_size"] // self.scale["recipe"]["batch_size"]
        return (len(steps) - len(set(steps))) / steps_per_epoch


def write_pictures(root: Path, data: dict[str, Any]) -> None:
    """Digits of scikit-learn's as picture files, a folder a class."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for i in range(data["train_size"] + data["test_size"]):
        split = "train" if i < data["train_size"] else "val"
        path = root / data["name"] / split / str(bunch.target[i]) / f"{i:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((bunch.images[i] * 15).astype(np.uint8)).resize((24, 24)).save(path)


def _word(same: bool) -> str:
    return "identical" if same else "DIFFERENT"


def child(process: subprocess.Popen[bytes], name: str) -> psutil.Process | None:
    """A process below the driver, by its name; `worker` is one that trains, `rank` one that trains along."""
    with suppress(psutil.Error):
        for below in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):  # a zombie has no command line
                title = "".join(below.cmdline()[:1])  # of a worker: the actor's class, Tune's own while it trains
                worker = title.startswith(("worker", "ray::ResourceTrainable"))
                rank = "studies.engine.rank" in below.cmdline()
                if below.name() == name or (worker and name == "worker") or (rank and name == "rank"):
                    return below
    return None


def awaited(process: subprocess.Popen[bytes], name: str) -> psutil.Process:
    """`child`, which may not be there yet, or not at this moment."""
    while (found := child(process, name)) is None:
        assert process.poll() is None, f"the run ended before there was a {name}"
        time.sleep(0.05)
    return found


def ended(process: subprocess.Popen[bytes], start: float, timeout: float = 120) -> str:
    """How a run ended, and after how many seconds."""
    try:
        status = process.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"HUNG for {timeout:g} s"
    return f"exit {status} after {time.monotonic() - start:.1f} s"
