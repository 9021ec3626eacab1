"""How a store, a plan, a report and a run over a cluster grow with the number of trials.

python benchmarks/scale.py [--most 10000] [--trials 200] [--repeats 3]

**Store.** A study of 50 arms, with more and more seeds, is done in a store of made-up results (benchmarks/filled.py):
a hundredth of `--most` trials, a tenth, all. `studies store ls`, `studies plan` and `studies report` read each of them
as processes of their own, in turns; their start-up is included. x is how much longer than of the fewest trials; the
exponent is the slope from the size before, on logarithmic scales: 1 is a line through zero, more than 1 a wall ahead.
The memory is the most that the process had.

**Run.** `--trials` trainings of two steps each by `studies run --address`, on one Ray cluster of 4 nodes on this
machine; each has a GPU that is simulated, of which a trial takes half. Of a tenth of the trials at the beginning, when
every worker has had two, in the middle and at the end: seconds a trial of the 8 places that are not training (what a
worker does beside its steps is in it: with fewer cores than places, mostly that), and seconds of the driver's processor
a trial, which is what would keep a larger cluster waiting. x is over the first tenth; the memory is the driver's.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from math import log
from pathlib import Path
from statistics import median

import yaml
from figures import tell
from filled import fill
from simulated import SLOTS, Run, cluster, run
from tabulate import tabulate

from studies.planning.plan import make_plan
from studies.store.store import Store

RATES = [1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2]
GRID = {"recipe.lr": RATES, "recipe.weight_decay": [0.01, 0.02, 0.05, 0.1, 0.2]}
ARMS = 50
EPOCHS = 20
HEADERS = ["", "trials", "seconds", "of all", "x", "exponent", "MiB"]


def measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds of a command, and the most MiB that it had."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "studies.cli", *command], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        # Not ru_maxrss, which begins with what this process has.
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.01)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - start, peak / 1024


def store_lines(folder: Path, most: int, repeats: int) -> list[list[str]]:
    """A line for each command and size of store."""
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump({"study": "grown", "base": "vit_s_16", "grid": GRID}))
    works: dict[tuple[str, int], list[str]] = {}
    for size in (most // 100, most // 10, most):
        root, seeds = folder / f"runs-{size}", max(1, size // ARMS)
        plan = make_plan(str(study), None, range(seeds), (), False, Store(root))
        fill(root, plan.trials, EPOCHS)
        there = ["--runs-dir", str(root)]
        asked = ["--seeds", str(seeds), "--devices", "8", "--device-type", "made up"]  # as the results say: no timing
        works["studies store ls", size] = ["store", "ls", *there]
        works["studies plan", size] = ["plan", str(study), *asked, *there]
        works["studies report", size] = ["report", str(study), *there]
    found: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in works}
    measured(works["studies report", most // 100])  # counts the model once, and remembers it
    for _ in range(repeats):
        for key, command in works.items():
            found[key].append(measured(command))
    lines, smallest, before = [], 0.0, (0, 0.0)
    for (name, size), values in sorted(found.items()):
        seconds, memory = [value[0] for value in values], max(value[1] for value in values)
        middle = median(seconds)
        first = size == most // 100
        smallest = middle if first else smallest
        slope = "" if first else f"{log(middle / before[1]) / log(size / before[0]):.2f}"
        ranged = f"{min(seconds):.1f} to {max(seconds):.1f}"
        lines.append([name, f"{size:,}", f"{middle:.2f}", ranged, f"{middle / smallest:.1f}", slope, f"{memory:.0f}"])
        before = size, middle
    return lines


def run_lines(seen: Run) -> list[list[str]]:
    """A line for each kind of seconds and tenth of a run."""
    trials = len(seen.ends)
    tenth, begun = trials // 10, 2 * SLOTS
    parts = [(first, first + tenth) for first in (begun, (trials - tenth) // 2, trials - tenth)]
    lines = []
    for name in ("beside training", "driver's CPU"):
        first = seen.part(*parts[0])[name]
        for begin, end in parts:
            value, memory = seen.part(begin, end)[name], seen.at(end).driver / 2**20
            of = f"{begin + 1:,} to {end:,}"
            lines.append([f"run: {name}, a trial", of, f"{value:.3f}", "", f"{value / first:.1f}", "", f"{memory:.0f}"])
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=10_000, help="trials in the largest store")
    parser.add_argument("--trials", type=int, default=200, help="of the run over a cluster, at least 40")
    parser.add_argument("--repeats", type=int, default=3, help="of each command over a store")
    arguments = parser.parse_args()
    if arguments.most < 100 * ARMS or arguments.trials < 40:
        parser.error(f"--most is at least {100 * ARMS}, and --trials 40")
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        lines = store_lines(Path(folder), arguments.most, arguments.repeats)
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, cluster(folder) as address:
        seen = run(arguments.trials, Path(folder), address)
    of_run = run_lines(seen)
    print(tabulate(lines + of_run, HEADERS, disable_numparse=True, colalign=("left", *["right"] * 6)))
    first, last = seen.at(2 * SLOTS), seen.at(len(seen.ends))
    more = len(seen.ends) - 2 * SLOTS
    driver, head = (last.driver - first.driver) / more / 1024, (last.head - first.head) / more / 1024
    print(
        f"run of {len(seen.ends):,} trials, {SLOTS} at a time: the driver's memory grew by {driver:.0f} kB a trial, "
        f"that of the cluster's head by {head:.0f} kB"
    )
    largest = f"{arguments.most:,}"
    for name, size, taken, _, times, *_ in lines:
        if size == largest:
            tell(f"{name} of {size} trials", f"{arguments.most // 100:,} trials", f"{times} times as long ({taken} s)")
    name, _, taken, _, times, *_ = of_run[-1]
    tell(f"{name} of {len(seen.ends):,}, the last tenth", "the first tenth", f"{times} times as long ({taken} s)")
    tell("the driver's memory, a trial more", "", f"{driver:.0f} kB")


if __name__ == "__main__":
    main()
