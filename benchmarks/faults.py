"""What a study survives: faults at random moments, then one plain `studies run`, then the numbers compared.

python benchmarks/faults.py [--kills 50] [--only TEXT] [--seed 0]

Each row is a study of its own, interrupted once. `left` says how the run ended and how long after the fault; `trained
twice` is work that was lost, in epochs; the last two columns are the exit status of the plain run that follows and
whether its frame is, number by number but for times, that of an uninterrupted run. The last row is one study under
many kills. Everything is real: processes, signals, a full disk (a small tmpfs, for root only), files changed by hand.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil
import yaml
from tabulate import tabulate

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
STEPS_PER_EPOCH = 32
PARTS = ("driver", "worker", "raylet", "gcs_server")
TIMES = ("seconds", "images_per_second", "peak_memory_mb", "train_seconds")


@dataclass
class Bench:
    """A folder with the study, its scale, and a store for each row."""

    folder: Path
    rng: random.Random
    epochs: int = 6
    rows: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
        recipe = SCALE["recipe"] | {"epochs": self.epochs}  # type: ignore[operator]
        (self.folder / "scale.yaml").write_text(yaml.safe_dump(SCALE | {"recipe": recipe}))
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
        command += ["--scale", str(self.folder / "scale.yaml"), "--runs-dir", str(self.runs), *arguments]
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
        if hasattr(self, "faults"):
            path = os.pathsep.join([str(HERE / "injected"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
            environment |= {"FAULTS_FOLDER": str(self.faults), "PYTHONPATH": path}
        with open(f"{self.runs}.log", "ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def frames(self) -> list[pd.DataFrame]:
        """Results and epochs of the store, without times."""
        arguments = str(self.folder / "study.yaml"), self.runs, str(self.folder / "scale.yaml"), [0]
        frames = results(*arguments), history(*arguments)
        return [frame.drop(columns=[name for name in TIMES if name in frame]) for frame in frames]

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
        return (len(steps) - len(set(steps))) / STEPS_PER_EPOCH


def _word(same: bool) -> str:
    return "identical" if same else "DIFFERENT"


def child(process: subprocess.Popen[bytes], name: str) -> psutil.Process | None:
    """A process below the driver, by its name; `worker` is one that trains."""
    with suppress(psutil.Error):
        for below in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):  # a zombie has no command line
                title = "".join(below.cmdline()[:1])  # of a worker: the actor's class, Tune's own while it trains
                worker = title.startswith(("worker", "ray::ResourceTrainable"))
                if below.name() == name or (worker and name == "worker"):
                    return below
    return None


def ended(process: subprocess.Popen[bytes], start: float, timeout: float = 120) -> str:
    """How a run ended, and after how many seconds."""
    try:
        status = process.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"HUNG for {timeout:g} s"
    return f"exit {status} after {time.monotonic() - start:.1f} s"


def kill(bench: Bench, name: str, target: str, *arguments: str) -> None:
    """kill -9 of a part of a run that trains."""
    with bench.row(name):
        process = bench.run(*arguments)
        bench.wait_for_training(process)
        victim = psutil.Process(process.pid) if target == "driver" else child(process, target)
        assert victim is not None
        victim.kill()
        bench.finish(name, ended(process, time.monotonic()))


def interrupt(bench: Bench, name: str, times: int, *arguments: str) -> None:
    """Ctrl-C, once or twice."""
    with bench.row(name):
        process = bench.run(*arguments)
        bench.wait_for_training(process)
        start = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        bench.finish(name, ended(process, start))


def misbehave(bench: Bench, name: str, kind: str, *arguments: str) -> None:
    """A fault inside a trial."""
    with bench.row(name, kind):
        start = time.monotonic()
        left = ended(bench.run(*arguments), start)
        failed = len(list(bench.runs.glob("trials/*/failure.json")))
        bench.finish(name, f"{left}, {failed} failed")


def change_files(bench: Bench, name: str, change: Callable[[bytes], bytes]) -> None:
    """One file of each kind is changed: of a trial that is done, and of one that is not."""
    with bench.row(name) as runs:
        process = bench.run("--executor", "inline")
        while not list(runs.glob("trials/*/result.json")):
            time.sleep(0.05)
        bench.wait_for_training(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        patterns = ("trials/*/result.json", "trials/*/weights.*", "trials/*/checkpoint-*", "trials/*/lease.*")
        for pattern in (*patterns, "trials/*/trial.json", "store.json"):
            for path in sorted(runs.glob(pattern))[:1]:
                path.write_bytes(change(path.read_bytes()))
        verify = [sys.executable, "-m", "studies.cli", "store", "verify", "--json", "--runs-dir", str(runs)]
        found = json.loads(subprocess.run(verify, capture_output=True, check=False).stdout)["problems"]
        bench.finish(name, f"store verify names {sum(map(len, found.values()))} files")


def fill_disk(bench: Bench, name: str) -> None:
    """The store is on a disk that becomes full, and is made larger afterwards."""
    with bench.row(name) as runs:
        runs.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(runs)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            bench.rows.append([name, "not run: needs root to mount a small disk", "", "", ""])
            return
        try:
            start = time.monotonic()
            left = ended(bench.run(), start)
            subprocess.run(["mount", "-o", "remount,size=200m", str(runs)], check=True)
            bench.finish(name, left)
        finally:
            subprocess.run(["umount", "-l", str(runs)], check=False)


def share(bench: Bench, name: str) -> None:
    """Two runs on one store, one of them killed."""
    with bench.row(name):
        first, second = bench.run("--executor", "inline"), bench.run("--executor", "inline")
        bench.wait_for_training(first, checkpoints=2)
        first.kill()
        first.wait()
        bench.finish(name, f"the other: {ended(second, time.monotonic())}")


def many(bench: Bench, kills: int) -> None:
    """Kill after kill at random moments, of random parts, until the number is reached or the study is complete."""
    name = f"{kills} random kills"
    with bench.row(name):
        struck: dict[str, int] = {}
        while sum(struck.values()) < kills:
            inline = bench.rng.random() < 0.4
            process = bench.run(*(["--executor", "inline"] if inline else []))
            # From the first moment of starting up to some epochs into training.
            while process.poll() is None:
                time.sleep(bench.rng.uniform(0.5, 7 if inline else 12))
                target = "driver" if inline else bench.rng.choice(["driver", "worker", "raylet", "gcs_server"])
                victim = psutil.Process(process.pid) if target == "driver" else child(process, target)
                if victim is None or process.poll() is not None:
                    continue
                victim.kill()
                struck[target] = struck.get(target, 0) + 1
                if target != "worker" or sum(struck.values()) >= kills:
                    left = ended(process, time.monotonic())
                    assert "HUNG" not in left, (target, left)
                    break
            if process.wait() == 0:
                break
        text = ", ".join(f"{n} {part}" for part, n in sorted(struck.items()))
        bench.finish(f"{sum(struck.values())} random kills", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of the last row (default: 50; 0: leave it out)")
    parser.add_argument("--only", default="", help="rows whose name has this text")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    rng = random.Random(arguments.seed)
    print(f"in {folder}", flush=True)
    bench = Bench(folder / "once", rng)
    inline = ("--executor", "inline")
    faults: dict[str, Callable[[str], None]] = {
        "kill -9 of the driver, Ray": lambda name: kill(bench, name, "driver"),
        "kill -9 of the driver, inline": lambda name: kill(bench, name, "driver", *inline),
        "kill -9 of a worker": lambda name: kill(bench, name, "worker"),
        "kill -9 of the raylet": lambda name: kill(bench, name, "raylet"),
        "kill -9 of the GCS": lambda name: kill(bench, name, "gcs_server"),
        "two runs at once, one killed": lambda name: share(bench, name),
        "Ctrl-C once, Ray": lambda name: interrupt(bench, name, 1),
        "Ctrl-C once, inline": lambda name: interrupt(bench, name, 1, *inline),
        "Ctrl-C twice, Ray": lambda name: interrupt(bench, name, 2),
        "a trial raises": lambda name: misbehave(bench, name, "raise"),
        "a trial goes NaN": lambda name: misbehave(bench, name, "nan"),
        "a trial is killed for memory": lambda name: misbehave(bench, name, "die"),
        "a trial hangs": lambda name: misbehave(bench, name, "hang", "--step-timeout", "8"),
        "the clock jumps by hours": lambda name: misbehave(bench, name, "clock"),
        "disk full": lambda name: fill_disk(bench, name),
        "files torn": lambda name: change_files(bench, name, lambda content: content[: len(content) // 2]),
        "a bit flipped in files": lambda name: change_files(bench, name, lambda content: flipped(content, rng)),
    }
    for name, inject in faults.items():
        if arguments.only in name:
            inject(name)
    rows = bench.rows
    if arguments.kills and arguments.only in "random kills":
        long = Bench(folder / "many", rng, epochs=40)
        many(long, arguments.kills)
        rows += long.rows
    headers = ["fault", "left", "trained twice", "then a plain run", "numbers"]
    print("\n" + tabulate(rows, headers, disable_numparse=True))
    shutil.rmtree(folder)
    sys.exit(any("DIFFERENT" in row or "HUNG" in row[1] for row in rows))


def flipped(content: bytes, rng: random.Random) -> bytes:
    """With one bit changed."""
    place, bit = rng.randrange(len(content)), rng.randrange(8)
    return content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]


if __name__ == "__main__":
    main()
