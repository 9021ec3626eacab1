"""Figures of the benchmarks, each told where it is measured; `bench.py` collects those of all in one table."""

import json
import os
from pathlib import Path
from typing import NamedTuple

FILE = "BENCH_FIGURES"  # the environment variable that names the file in which figures are collected


class Told(NamedTuple):
    """A figure of a benchmark: what was measured, against what, and what came of it."""

    what: str
    against: str
    figure: str


def tell(what: str, against: str, figure: str) -> None:
    """Leave a figure for the table, if one is made."""
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write(json.dumps(Told(what, against, figure)) + "\n")


def told(path: Path) -> list[Told]:
    """The figures that were left in a file."""
    return [Told(*json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
