"""The options that say what of a study is meant, and in which store."""

import argparse
import os

from studies.cli.arguments import number, seeds, whole
from studies.trials.seeds import MOST_SEEDS


def add_selection(command: argparse.ArgumentParser) -> None:
    """What of a study is meant."""
    command.add_argument("study", help="name of a study, or your file.yaml")
    command.add_argument("--scale", help="data, recipe and size of the models (default: the study's)")
    command.add_argument("--seeds", type=seeds, metavar="K", help="how many, or a list 0,1,2 (default: the study's)")
    command.add_argument(
        "--baseline-seeds",
        type=whole(1, MOST_SEEDS),
        metavar="K",
        help="at least so many of each baseline: twice those of the others find more (default: the study's)",
    )
    command.add_argument(
        "--resolve",
        type=number(0, 100),
        metavar="POINTS",
        help="more seeds where a difference is unresolved, until it is resolved or shown to be smaller than POINTS; "
        "verdicts pay for the looks",
    )
    command.add_argument(
        "--max-seeds",
        type=whole(2, MOST_SEEDS),
        metavar="K",
        help="--resolve gives an arm at most so many (default: 20)",
    )
    command.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ARM",
        help="arms or groups, * for any text; may be repeated",
    )
    command.add_argument("--all", action="store_true", help="the study's optional groups too")
    command.add_argument(
        "--data", dest="data_dir", metavar="DIR", help="folder of data sets read from files (default: $STUDIES_DATA)"
    )
    command.add_argument("--jobs", type=whole(1, 10_000), help="trials at a time (default: one a core, or a GPU)")
    add_runs_dir(command)


def add_runs_dir(command: argparse.ArgumentParser) -> None:
    """Which store is meant."""
    default = os.environ.get("STUDIES_RUNS_DIR") or "runs"
    command.add_argument(
        "--runs-dir",
        default=default,
        metavar="DIR",
        help="the store, a folder or a URL such as s3://bucket/runs (default: $STUDIES_RUNS_DIR, else ./runs)",
    )
