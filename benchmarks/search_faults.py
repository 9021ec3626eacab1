"""What a search survives: kills at random moments, the same command after each, then its journal compared.

python benchmarks/search_faults.py [--kills 10] [--seed 0] [--trials 40] [--rows inline ray "ray driver"]

One worker, so that the candidates, their order and their figures must be those of a search that nothing happened to.
`lost` is what is in the journal and did not end; `twice` what was evaluated more than once; `left` what is left behind:
trials of the store that somebody seems to train still, and processes of the runs that were killed.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import optuna
import psutil
import yaml
from fault_bench import SCALE, child, ended
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tabulate import tabulate

from studies.store.store import Store

WAIT = {"inline": (0.5, 7.0), "ray": (2.0, 12.0)}  # seconds until a kill, from the first moment of starting up
WAIT["ray driver"] = (0.0, 4.0)  # from when it begins to train
HOW = {"inline": ("--executor", "inline"), "ray": ("--jobs", "1"), "ray driver": ("--jobs", "1")}
PARTS = {"inline": ("driver",), "ray": ("driver", "worker", "raylet", "gcs_server"), "ray driver": ("driver",)}
GONE_SECONDS = 60.0  # in which what a killed driver has started must end


def start(folder: Path, runs: str, executor: str, trials: int) -> subprocess.Popen[bytes]:
    """The search, in a session of its own; what it says goes to a file beside its store."""
    command = [sys.executable, "-m", "studies.cli", "search", "digits", "--max-macs", "2G", "--trials", str(trials)]
    command += ["--scale", str(folder / "scale.yaml"), "--top", "0", "--no-control", "--runs-dir", str(folder / runs)]
    with (folder / f"{runs}.log").open("ab") as log:
        return subprocess.Popen([*command, *HOW[executor]], stdout=log, stderr=log, start_new_session=True)


def until_training(log: Path, times: int, process: subprocess.Popen[bytes]) -> None:
    """Until so many searches have begun to train, or this one has ended."""
    while log.read_text().count("\ntraining ") < times and process.poll() is None:
        time.sleep(0.05)


def left_behind(store: Store, sessions: set[int]) -> str:
    """Trials with a lease that holds, and processes of these sessions that have not ended after a while."""
    held = sum(store.state(trial_id) == "running" for trial_id in store.ids())
    deadline = time.monotonic() + GONE_SECONDS
    while (alive := _of_sessions(sessions)) and time.monotonic() < deadline:
        time.sleep(1)
    return "nothing" if not (held or alive) else f"{held} leases, {len(alive)} processes ({', '.join(sorted(alive))})"


def _of_sessions(sessions: set[int]) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
    return found


def evaluated(folder: Path, runs: str) -> list[tuple]:
    """What the journal says of each candidate, but for times."""
    path = folder / runs / "searches" / "digits.journal"
    study = optuna.load_study(study_name="digits", storage=JournalStorage(JournalFileBackend(str(path))))
    return [(t.number, t.state.name, tuple(sorted(t.params.items())), tuple(t.values or ())) for t in study.trials]


def strike(folder: Path, executor: str, kills: int, trials: int, rng: random.Random) -> list[str]:
    """A row: kill after kill, until the number is reached or the search is complete, then a plain run."""
    struck: dict[str, int] = {}
    sessions: set[int] = set()
    while sum(struck.values()) < kills:
        process = start(folder, executor, executor, trials)
        sessions.add(process.pid)
        if executor == "ray driver":
            until_training(folder / f"{executor}.log", len(sessions), process)
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
    status = start(folder, executor, executor, trials).wait(timeout=600)
    took = time.monotonic() - begun
    found, whole = evaluated(folder, executor), evaluated(folder, "whole")
    lost = sum(state == "RUNNING" for _, state, _, _ in found)
    twice = len(found) - len({params for _, _, params, _ in found})
    text = ", ".join(f"{n} {part}" for part, n in sorted(struck.items()))
    same = "identical" if found == whole else "DIFFERENT"
    left = left_behind(Store(folder / executor), sessions)
    return [executor, text, f"exit {status}, {took:.0f} s", str(lost), str(twice), left, same]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10, help="of each row (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of their moments (default: 0)")
    parser.add_argument("--trials", type=int, default=40, help="candidates of the search (default: 40)")
    parser.add_argument("--rows", nargs="+", choices=HOW, default=list(HOW), help="default: all")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="search-faults-"))
    (folder / "scale.yaml").write_text(yaml.safe_dump(SCALE | {"recipe": SCALE["recipe"] | {"epochs": 2}}))  # type: ignore[operator]
    if start(folder, "whole", "inline", arguments.trials).wait():
        sys.exit((folder / "whole.log").read_text())
    kills, trials, seed = arguments.kills, arguments.trials, arguments.seed
    rows = [strike(folder, name, kills, trials, random.Random(seed)) for name in arguments.rows]
    print(tabulate(rows, ["executor", "killed", "then the same command", "lost", "twice", "left", "candidates"]))
    shutil.rmtree(folder)
    sys.exit(any("DIFFERENT" in row or row[-2] != "nothing" for row in rows))


if __name__ == "__main__":
    main()
