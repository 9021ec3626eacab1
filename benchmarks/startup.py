"""How long light commands take, beside Python starting up with nothing to do, in one go.

python benchmarks/startup.py [--repeats 7]
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "studies list": ["-m", "studies.cli", "list"],
    "studies show cnn_to_vit": ["-m", "studies.cli", "show", "cnn_to_vit"],
    "studies --help": ["-m", "studies.cli", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """Wall seconds of one start."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    empty = 0.0
    print(f"{'command':26} {'median s':>9} {'x python':>9}")
    for name, arguments in COMMANDS.items():
        median = statistics.median(seconds(arguments) for _ in range(repeats))
        empty = empty or median
        print(f"{name:26} {median:9.3f} {median / empty:9.1f}")


if __name__ == "__main__":
    main()
