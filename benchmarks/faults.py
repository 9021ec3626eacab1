"""What a study survives: faults at random moments, then one plain `studies run`, then the numbers compared.

python benchmarks/faults.py [--kills 50] [--only TEXT] [--seed 0]

Each row is a study of its own, interrupted once. `left` says how the run ended and how long after the fault; `trained
twice` is work that was lost, in epochs; the last two columns are the exit status of the plain run that follows and
whether its frame is, number by number but for times, that of an uninterrupted run. The last row is one study under
many kills. Where several processes train a trial, or read its pictures, the study is another, smaller one, compared
with itself. Everything is real: processes, signals, a full disk (a small tmpfs, for root only), files changed by hand.
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
from collections.abc import Callable
from pathlib import Path

import psutil
from fault_bench import OF_FILES, PAIR, Bench, awaited, child, ended
from tabulate import tabulate

Faults = dict[str, Callable[[Bench, str], None]]


def kill(bench: Bench, name: str, target: str, *arguments: str) -> None:
    """kill -9 of a part of a run that trains."""
    with bench.row(name):
        process = bench.run(*arguments)
        bench.wait_for_training(process)
        victim = psutil.Process(process.pid) if target == "driver" else awaited(process, target)
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
    inline = ("--executor", "inline")
    faults: Faults = {
        "kill -9 of the driver, Ray": lambda bench, name: kill(bench, name, "driver"),
        "kill -9 of the driver, inline": lambda bench, name: kill(bench, name, "driver", *inline),
        "kill -9 of a worker": lambda bench, name: kill(bench, name, "worker"),
        "kill -9 of the raylet": lambda bench, name: kill(bench, name, "raylet"),
        "kill -9 of the GCS": lambda bench, name: kill(bench, name, "gcs_server"),
        "two runs at once, one killed": lambda bench, name: share(bench, name),
        "Ctrl-C once, Ray": lambda bench, name: interrupt(bench, name, 1),
        "Ctrl-C once, inline": lambda bench, name: interrupt(bench, name, 1, *inline),
        "Ctrl-C twice, Ray": lambda bench, name: interrupt(bench, name, 2),
        "a trial raises": lambda bench, name: misbehave(bench, name, "raise"),
        "a trial goes NaN": lambda bench, name: misbehave(bench, name, "nan"),
        "a trial is killed for memory": lambda bench, name: misbehave(bench, name, "die"),
        "a trial hangs": lambda bench, name: misbehave(bench, name, "hang", "--step-timeout", "8"),
        "the clock jumps by hours": lambda bench, name: misbehave(bench, name, "clock"),
        "disk full": lambda bench, name: fill_disk(bench, name),
        "files torn": lambda bench, name: change_files(bench, name, lambda content: content[: len(content) // 2]),
        "a bit flipped in files": lambda bench, name: change_files(bench, name, lambda content: flipped(content, rng)),
    }
    of_ranks: Faults = {"kill -9 of a rank": lambda bench, name: kill(bench, name, "rank", *inline)}
    of_files: Faults = {"kill -9 of a data worker": lambda bench, name: kill(bench, name, "pt_data_worker", *inline)}
    rows: list[list[str]] = []
    for kind, injected, settings in (
        ("once", faults, {}),
        ("two-devices", of_ranks, {"study": PAIR, "options": ("--devices-per-trial", "2")}),
        ("files", of_files, {"study": PAIR, "scale": OF_FILES, "options": ("--data-workers", "1")}),
    ):
        if chosen := {name: inject for name, inject in injected.items() if arguments.only in name}:
            bench = Bench(folder / kind, rng, **settings)  # numbers are compared within it
            for name, inject in chosen.items():
                inject(bench, name)
            rows += bench.rows
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
