"""How long light commands take, beside Python starting up with nothing to do.

python benchmarks/startup.py [--repeats 7] [--against FOLDER_OR_REVISION]

Those that read a store read one with all trials of a study, done, which is made first in a temporary folder, by the
functions that a training calls; nothing is trained. Each turn runs every command once, so that all have the same load
beside them. The table gives medians over the turns with their quartiles, wall seconds and seconds of the processor
(which other programs that run disturb less), and how many times as long as Python alone a command takes: the median of
the ratios of the turns. With `--against`, another version of the code, a folder or a git revision, runs each command
in the same turns.
"""

import argparse
import os
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from checkouts import HERE as ROOT
from checkouts import checkout
from figures import tell
from filled import fill
from tabulate import tabulate

from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.trials.trial import SEMANTICS

STUDY, EPOCHS = "cnn_to_vit", 30
PYTHON = "python -c pass"
COMMANDS = (
    *("--help", "list", "show cnn_to_vit", "cost t2t_vit_14", "space show digits", "space stats digits"),
    *("store ls", "plan cnn_to_vit", "report --table 6", "report --claims"),
)
NEED_STORE = ("store", "plan", "report")


def done(root: Path) -> None:
    """A store in which the study is done: a plan that misses a trial would time a few steps of its model."""
    study = load_study(STUDY)
    scaled = at_scale(study, load_scale(study.scale))
    found = [trials(scaled, study.all_seeds(), semantics=version) for version in range(1, SEMANTICS + 1)]
    fill(root, list({trial.id: trial for _, trial in chain(*found)}.values()), EPOCHS)  # an older version looks for its


def seconds(arguments: list[str], code: Path) -> tuple[float, float]:
    """Wall seconds of one start with this code, and those of the processor."""
    start = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(code)}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=code,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {said}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def line(name: str, found: list[tuple[float, float]], empty: list[tuple[float, float]]) -> list[str]:
    """A row of the table."""
    wall, cpu = zip(*found, strict=True)
    low, _, high = quantiles(wall, n=4)
    ratios = [median(a[i] / b[i] for a, b in zip(found, empty, strict=True)) for i in (0, 1)]
    return [
        name,
        f"{median(wall):.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{median(cpu):.2f}",
        *(f"{r:.1f}" for r in ratios),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--against", help="another version to be compared with: a folder, or a git revision")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, checkout(arguments.against or str(ROOT)) as other:
        root = Path(folder, "runs")
        done(root)
        runs = {(PYTHON, ROOT): ["-c", "pass"]}
        for command in COMMANDS:
            words = command.split()
            words += ["--runs-dir", str(root)] if words[0] in NEED_STORE else []
            for code in dict.fromkeys((ROOT, other)):
                runs[f"studies {command}", code] = ["-m", "studies.cli", *words]
        for (_, code), words in runs.items():
            seconds(words, code)  # counts what it needs once, and remembers it
        found: dict[tuple[str, Path], list[tuple[float, float]]] = {run: [] for run in runs}
        for _ in range(arguments.repeats):
            for (name, code), words in runs.items():
                found[name, code].append(seconds(words, code))
    for name, code in found:
        if (name, other) in found and code == ROOT != other:
            both = [[wall for wall, _ in found[name, version]] for version in (other, ROOT)]
            ratio = median(a / b for a, b in zip(*both, strict=True))
            seconds_of = f"{median(both[1]):.2f} for {median(both[0]):.2f} s"
            tell(name, f"version {arguments.against}", f"{ratio:.1f} ({seconds_of})")
    empty = found[PYTHON, ROOT]
    rows = [line(name + ("" if code == ROOT else ", other"), times, empty) for (name, code), times in found.items()]
    headers = ["", "wall s", "quartiles", "CPU s", "wall: x python", "CPU: x python"]
    print(tabulate(rows, headers, disable_numparse=True, colalign=["left", *["right"] * 5]))


if __name__ == "__main__":
    main()
