"""The options of `studies space`, and those of a budget."""

import argparse
from collections.abc import Callable
from typing import Any

from searchspace.bounds import LARGEST_SEED
from studies.cli.arguments import amount, whole
from studies.trials.scores import NAMES

BUDGET = ("max_macs", "min_macs", "max_params", "min_params")


def add_budget(command: argparse.ArgumentParser) -> None:
    """`--max-macs` and its like."""
    for name in BUDGET:
        side, figure = name.split("_")
        most = "most" if side == "max" else "fewest"
        command.add_argument(
            f"--{side}-{figure}",
            type=amount,
            metavar="N",
            help=f"{most} {'MACs' if figure == 'macs' else figure}: 2G, 10M, 500k",
        )


def bounds(arguments: argparse.Namespace) -> dict[str, int | None]:
    """The budget that was given, by the names of its bounds."""
    return {name: getattr(arguments, name) for name in BUDGET}


def add_space_commands(
    commands: Any, add: Callable[..., argparse.ArgumentParser], add_store: Callable[[argparse.ArgumentParser], None]
) -> None:
    """`studies space list`, `show`, `stats` and `rank`."""
    text = "spaces of models: what they vary, how many models there are, what they cost"
    space = commands.add_parser("space", help=text, description=f"{text[0].upper()}{text[1:]}.")
    among = space.add_subparsers(required=True, metavar="command")

    def add_one(function: str, summary: str, example: str) -> argparse.ArgumentParser:
        command = add(function, "studies.cli.space", summary, example, among)
        command.set_defaults(function="list_" if function == "list" else function)
        command.add_argument("--json", action="store_true", help="for programs")
        return command

    add_one("list", "the spaces that ship", "studies space list")
    command = add_one(
        "show",
        "the knobs of a space, its size, the share within a budget, the cheapest and the dearest model",
        "studies space show paper --max-macs 2G --max-params 10M",
    )
    _of_space(command)
    command = add_one(
        "stats",
        "how the costs of random models of a space are distributed, and with --scale the errors of those trained there",
        "studies space stats digits_small --scale digits --figure costs.pdf",
    )
    _of_space(command)
    command.add_argument("--figure", metavar="FILE", help="draw the distributions: .png, .pdf or .svg")
    command.add_argument("--csv", metavar="FILE", help="write the models: their knobs and costs")
    add_store(command)
    command = add_one(
        "rank",
        "how well scores of untrained models rank those that were trained at a scale",
        "studies space rank digits_small --scale digits",
    )
    _of_space(command, samples=None)
    command.set_defaults(scale="digits")
    command.add_argument(
        "--scores", nargs="+", default=NAMES, metavar="SCORE", help=f"default: all, {', '.join(NAMES)}"
    )
    command.add_argument(
        "--pictures", type=whole(2, 4096), default=128, metavar="N", help="that scores see (default: 128)"
    )
    command.add_argument("--data", dest="data_dir", metavar="DIR", help="folder of data sets (default: $STUDIES_DATA)")
    command.add_argument("--csv", metavar="FILE", help="write the models: their knobs, costs, accuracies and scores")
    add_store(command)


def _of_space(command: argparse.ArgumentParser, samples: int | None = 1000) -> None:
    command.add_argument("space", help="name of a space (see `studies space list`), or your file.yaml")
    add_budget(command)
    command.add_argument("--scale", help="costs as this scale shrinks the models (default: full size)")
    command.add_argument(
        "-n",
        "--samples",
        type=whole(10, 100_000),
        default=samples,
        metavar="N",
        help=f"random models (default: {samples or 'all that are trained'})",
    )
    command.add_argument(
        "--seed", type=whole(0, LARGEST_SEED), default=0, metavar="N", help="of the random models (default: 0)"
    )
