"""What a search survives: kills at random moments, the same command after each, then its journal compared.

python benchmarks/search_faults.py [--kills 10] [--seed 0]

One worker, so that the candidates, their order and their figures must be those of a search that nothing happened to.
`lost` is what is in the journal and did not end; `twice` what was evaluated more than once.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import optuna
import psutil
import yaml
from fault_bench import SCALE, child, ended
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tabulate import tabulate

TRIALS = 40
WAIT = {"inline": (0.5, 7.0), "ray": (2.0, 12.0)}  # seconds until a kill, from the first moment of starting up
HOW = {"inline": ("--executor", "inline"), "ray": ("--jobs", "1")}
PARTS = {"inline": ("driver",), "ray": ("driver", "worker", "raylet", "gcs_server")}


def start(folder: Path, runs: str, executor: str) -> subprocess.Popen[bytes]:
    """The search, in a process group of its own; what it says goes to a file beside its store."""
    command = [sys.executable, "-m", "studies.cli", "search", "digits", "--max-macs", "2G", "--trials", str(TRIALS)]
    command += ["--scale", str(folder / "scale.yaml"), "--top", "0", "--no-control", "--runs-dir", str(folder / runs)]
    with (folder / f"{runs}.log").open("ab") as log:
        return subprocess.Popen([*command, *HOW[executor]], stdout=log, stderr=log, start_new_session=True)


def evaluated(folder: Path, runs: str) -> list[tuple]:
    """What the journal says of each candidate, but for times."""
    path = folder / runs / "searches" / "digits.journal"
    study = optuna.load_study(study_name="digits", storage=JournalStorage(JournalFileBackend(str(path))))
    return [(t.number, t.state.name, tuple(sorted(t.params.items())), tuple(t.values or ())) for t in study.trials]


def strike(folder: Path, executor: str, kills: int, rng: random.Random) -> list[str]:
    """A row: kill after kill, until the number is reached or the search is complete, then a plain run."""
    struck: dict[str, int] = {}
    while sum(struck.values()) < kills:
        process = start(folder, executor, executor)
        time.sleep(rng.uniform(*WAIT[executor]))
        part = rng.choice(PARTS[executor])
        victim = psutil.Process(process.pid) if part == "driver" else child(process, part)
        if victim is not None and process.poll() is None:
            victim.kill()
            struck[part] = struck.get(part, 0) + 1
            if part == "worker" and sum(struck.values()) < kills:
                process.kill()  # it would be replaced, and the search go on to its end
        if ended(process, time.monotonic()).startswith("exit 0"):
            break
    begun = time.monotonic()
    status = start(folder, executor, executor).wait(timeout=600)
    found, whole = evaluated(folder, executor), evaluated(folder, "whole")
    lost = sum(state == "RUNNING" for _, state, _, _ in found)
    twice = len(found) - len({params for _, _, params, _ in found})
    text = ", ".join(f"{n} {part}" for part, n in sorted(struck.items()))
    same = "identical" if found == whole else "DIFFERENT"
    return [executor, text, f"exit {status}, {time.monotonic() - begun:.0f} s", str(lost), str(twice), same]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10, help="of each row (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of their moments (default: 0)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="search-faults-"))
    (folder / "scale.yaml").write_text(yaml.safe_dump(SCALE | {"recipe": SCALE["recipe"] | {"epochs": 2}}))  # type: ignore[operator]
    if start(folder, "whole", "inline").wait():
        sys.exit((folder / "whole.log").read_text())
    rows = [strike(folder, executor, arguments.kills, random.Random(arguments.seed)) for executor in HOW]
    print(tabulate(rows, ["executor", "killed", "then the same command", "lost", "twice", "candidates"]))
    shutil.rmtree(folder)
    sys.exit(any("DIFFERENT" in row for row in rows))


if __name__ == "__main__":
    main()
