"""A store of many trials: how long its frame and its report take, and how much less than with every history read.

python benchmarks/store.py [--trials 10000] [--epochs 300] [--repeats 3]

The store is made first, in a temporary folder, of made-up numbers (benchmarks/filled.py): nothing is trained. It takes
100 kB a trial. Then the frame (`studies.results`) and the report (`studies report` as a
process of its own, its start-up included) are timed in turns. For the ratio, a share of the trials is read with their
histories, as every report did before histories had a file of their own.

Measured on 2 cores (2026-11-25), 10,000 trials of 300 epochs: the frame 1.5 s (1.4 to 1.6), the report 3.0 s (2.9 to
3.0). Reading every history takes 20 s, 13.5 times as long as the frame. Before histories had a file of their own, a
frame read each result three times: 64 s for 8,645 trials, under a profiler.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from figures import tell
from filled import fill
from tabulate import tabulate

from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.reporting.frames import history, results
from studies.store.store import Store
from studies.trials.trial import TrialSpec

STUDY = "cnn_to_vit"
SHARE = 20  # one trial of so many is read with its history


def made(root: Path, count: int, epochs: int) -> list[TrialSpec]:
    """A store with so many trials of a study, all done."""
    study = load_study(STUDY)
    seeds = range(-(-count // len(study.arms)))
    asked = {trial.id: trial for _, trial in trials(at_scale(study, load_scale(study.scale)), seeds)}
    more = -(-count * len(seeds) // len(asked))  # arms that are one trial at this scale have one in the store
    asked = {trial.id: trial for _, trial in trials(at_scale(study, load_scale(study.scale)), range(more))}
    chosen = list(asked.values())[:count]
    fill(root, chosen, epochs)
    return chosen


def seconds(work: Callable[[], object]) -> float:
    """Of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        root = Path(folder, "runs")
        chosen = made(root, arguments.trials, arguments.epochs)
        store, part = Store(root), chosen[::SHARE]
        command = [sys.executable, "-m", "studies.cli", "report", STUDY, "--runs-dir", str(root)]

        def report() -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)

        works: dict[str, Callable[[], object]] = {
            "frame: studies.results": lambda: results(STUDY, root),
            "report: studies report, a process": report,
            "all with their histories, from a share": lambda: [store.result(trial.id) for trial in part],
        }
        report()  # counts the study's models once, and remembers them
        found: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(arguments.repeats):
            for name, work in works.items():
                found[name].append(seconds(work))
        rows = len(results(STUDY, root))
        once = seconds(lambda: history(STUDY, root, seeds=1))
        every = [SHARE * value for value in found.popitem()[1]]
        lines = [
            [
                name,
                f"{median(values):.2f}",
                f"{min(values):.2f} to {max(values):.2f}",
                f"{median(every) / median(values):.1f}",
            ]
            for name, values in found.items()
        ]
        for name, times, _, ratio in lines:
            tell(f"{name}, of {len(chosen):,} trials", "with every history read", f"{ratio} ({times} s)")
        print(f"{len(chosen)} trials of {arguments.epochs} epochs; the frame has {rows} rows")
        print(tabulate(lines, ["", "seconds", "of all", "with histories: x as long"], disable_numparse=True))
        print(f"reading every history takes {median(every):.1f} s; the epochs of one seed as a frame {once:.2f} s")


if __name__ == "__main__":
    main()
