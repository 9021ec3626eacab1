"""All benchmarks that need nothing but this project, one after the other, and a table of their figures.

python benchmarks/bench.py [--against REVISION] [--only NAME ...]

What each prints is shown as it comes; at the end stand the figures of all. benchmarks/README.md says how they are
measured. A benchmark that fails is named there, the others go on, and the exit status is 1.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import FILE, told
from tabulate import tabulate

HERE = Path(__file__).parent
BENCHMARKS: dict[str, list[str]] = {
    "reference": ["--turns", "3"],
    "step": ["--turns", "3"],
    "startup": ["--repeats", "3"],
    "study": [],
    "costs": [],
    "search": ["--seeds", "8"],
    "data_pipeline": ["--repeats", "3"],
    "verdicts": [],
    "store": ["--trials", "2000"],
    "scale": ["--trials", "100", "--repeats", "1"],
}
COMPARED = ("step", "startup")  # with the version before speed was worked on


def main() -> int:
    """Entry point; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", help=f"what {' and '.join(COMPARED)} are compared with: a folder, or a revision")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    asked = parser.parse_args()
    rows, failed, begin = [], [], time.perf_counter()
    with TemporaryDirectory() as folder:
        for name in dict.fromkeys(asked.only):
            command = [f"{name}.py", *BENCHMARKS[name]]
            if asked.against and name in COMPARED:
                command += ["--against", asked.against]
            print(f"\n==== {' '.join(command)}\n", flush=True)
            file, start = Path(folder, name), time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(HERE / command[0]), *command[1:]], env=os.environ | {FILE: str(file)}
            )
            minutes = (time.perf_counter() - start) / 60
            found = told(file)
            rows += [
                [*figure, command[0] if not i else "", minutes if not i else None] for i, figure in enumerate(found)
            ]
            if done.returncode:
                failed.append(f"{command[0]} failed with {done.returncode}: see above")
    print("\n==== All figures\n")
    print(
        tabulate(
            rows, ["what", "against", "figure", "command", "minutes"], floatfmt=".1f", disable_numparse=[0, 1, 2, 3]
        )
    )
    print(
        f"\n{(time.perf_counter() - begin) / 60:.1f} minutes on {len(os.sched_getaffinity(0))} cores", *failed, sep="\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
