"""Where the time of a whole study goes, on all cores; beside another version's.

python benchmarks/study.py [--seeds 1] [--repeats 1] [--against FOLDER_OR_REVISION]

`studies run cnn_to_vit`, 13 arms at scale digits, from an empty store and an empty cache of costs, under Ray, with its
defaults. What the command prints says when a trial starts and ends, and the store how long it trained and evaluated.
The seconds of all cores, wall time times cores, are split into

    training, evaluation   of the epochs, by the trials' own clocks
    trial                  the rest between a trial's start and its end: data and model made, checkpoints, records
    start                  until the first trial starts: imports, counting models, Ray
    idle                   cores without a trial after that, and the end of the command

`wall / ideal` is the wall time over (training / cores), which the training alone would take: 1 is the best there is.
On a machine that does other things too, training takes longer, and the share of everything else looks smaller.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from checkouts import HERE, checkout
from figures import tell
from tabulate import tabulate

STUDY = "cnn_to_vit"
PARTS = ("training", "evaluation", "trial", "start", "idle")
STARTED, ENDED = re.compile(r"^(.+, seed \d+): started"), re.compile(r"^\[\d+/\d+\] (.+, seed \d+): ")


def split(code: Path, seeds: int) -> dict[str, float]:
    """Seconds of one run: the wall time, and those of all cores by what they were for."""
    with TemporaryDirectory() as folder:
        runs = Path(folder, "runs")
        command = [sys.executable, "-m", "studies.cli", "run", STUDY, "--seeds", str(seeds), "--runs-dir", str(runs)]
        environment = os.environ | {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": folder}
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=code, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        started: dict[str, float] = {}
        spans: list[float] = []
        said = []
        for line in process.stderr:
            now, said = time.perf_counter() - begin, [*said[-20:], line]
            if found := STARTED.match(line):
                started[found[1]] = now
            elif found := ENDED.match(line):
                spans.append(now - started[found[1]])
        if process.wait():
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {''.join(said)}")
        wall = time.perf_counter() - begin
        epochs = [e for path in runs.glob("trials/*/history.json") for e in json.loads(path.read_text())["history"]]
    training = sum(epoch["train_seconds"] for epoch in epochs)
    evaluation = sum(epoch["seconds"] for epoch in epochs) - training
    cores = len(os.sched_getaffinity(0))
    start = cores * min(started.values())
    trial = sum(spans) - training - evaluation
    idle = cores * wall - start - training - evaluation - trial
    return {"wall": wall, "cores": cores} | dict(zip(PARTS, (training, evaluation, trial, start, idle), strict=True))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--against", help="another version to be compared with: a folder, or a git revision")
    asked = parser.parse_args()
    with checkout(asked.against or str(HERE)) as folder:
        versions = {"ours": HERE} | ({"other": folder} if asked.against else {})
        found: dict[str, list[dict[str, float]]] = {name: [] for name in versions}
        for turn in range(asked.repeats):
            for name in list(versions)[:: -1 if turn % 2 else 1]:
                found[name].append(split(versions[name], asked.seeds))
    rows = []
    for name, runs in found.items():
        ideal = [run["wall"] * run["cores"] / run["training"] for run in runs]
        shares = [median(100 * run[part] / (run["wall"] * run["cores"]) for run in runs) for part in PARTS]
        rows.append([name, median(run["wall"] for run in runs), median(ideal), *shares])
        if name == "ours":
            what = f"wall time of `studies run {STUDY} --seeds {asked.seeds}`"
            tell(what, "its training / cores", f"{median(ideal):.2f} times as long")
    heads = ["", "wall s", "wall / ideal", *(f"{part} %" for part in PARTS)]
    print(tabulate(rows, heads, floatfmt=("", ".0f", ".2f", *[".1f"] * len(PARTS))))
    if asked.against:
        ratios = [other["wall"] / ours["wall"] for ours, other in zip(found["ours"], found["other"], strict=True)]
        ratio = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"wall time of the other over ours: {ratio}")
        tell("the same, wall time", f"version {asked.against}", ratio)


if __name__ == "__main__":
    main()
