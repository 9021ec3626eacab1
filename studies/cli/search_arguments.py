"""The arguments of `studies search`."""

import argparse
from collections.abc import Callable

from searchspace.bounds import LARGEST_SEED
from studies.cli.arguments import cores, number, whole
from studies.cli.space_options import add_budget
from studies.trials.scores import NAMES


def declare_search(add: Callable[..., argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The command, all but where the store is."""
    command = add(
        "search",
        "studies.cli.search",
        "search a space for models within a budget, then test the best beside their base",
        "studies search t2t_vit_14 --max-macs 2G --max-params 10M --trials 200\n"
        "         studies search examples/search_digits.yaml --trials 30",
    )
    command.add_argument(
        "base",
        help="preset to search around; or a space, its name or your file.yaml; or a study file with a `search:` block, "
        "over which options win",
    )
    command.add_argument("--space", metavar="SPACE", help="name, or your file.yaml (default: the scale's, else paper)")
    add_budget(command)
    command.add_argument(
        "--budget-at",
        choices=("full", "scale"),
        help="whether these are of the model at full size, or as the scale shrinks it (default: full)",
    )
    command.add_argument("--trials", type=whole(1, 100_000), metavar="N", help="candidates in all (default: 50)")
    command.add_argument(
        "--sampler",
        metavar="NAME",
        help="ehvi: a Gaussian process of the accuracy, which knows the costs; tpe, nsga2 or gp: Optuna's; or random "
        "(default: ehvi, or tpe where latency is an objective)",
    )
    command.add_argument(
        "--warm-start",
        metavar="SCORE",
        help=f"the first candidates are the best by a score of untrained models: {', '.join(NAMES)}",
    )
    command.add_argument(
        "--objective",
        action="append",
        dest="objectives",
        metavar="NAME",
        help="top1, macs, params, or latency: ms of one picture, measured once a model, at full size or at the scale "
        "as the budget is, with one candidate at a time; may be repeated (default: top1 and macs)",
    )
    command.add_argument("--scale", help="that ranks the candidates (default: digits)")
    command.add_argument(
        "--validation",
        type=number(0, 1),
        metavar="SHARE",
        help="of the training pictures, that candidates are ranked on (default: 0.2)",
    )
    command.add_argument(
        "--early-stop",
        action=argparse.BooleanOptionalAction,
        help="end candidates early that are worse on the validation pictures than others after as many epochs (ASHA); "
        "the sampler learns from them what they had reached, and the final test ends none",
    )
    command.add_argument(
        "--grace-period", type=whole(1, 100_000), metavar="EPOCHS", help="--early-stop leaves so many (default: 1)"
    )
    command.add_argument(
        "--reduction-factor",
        type=number(1, 1000),
        metavar="N",
        help="--early-stop lets the best one in N go on after each rung: after 1, N, N * N epochs with a grace period "
        "of 1 (default: 2)",
    )
    command.add_argument("--seed", type=whole(0, LARGEST_SEED), help="default: 0")
    command.add_argument(
        "--control",
        action=argparse.BooleanOptionalAction,
        help="search at random too, with as many candidates (default: with at most 50 --trials)",
    )
    command.add_argument(
        "--final-seeds", type=whole(1, 1000), metavar="K", help="that the best are tested with (default: 3)"
    )
    command.add_argument("--top", type=whole(0, 100), metavar="N", help="how many of the best are tested (default: 3)")
    command.add_argument(
        "--name", help="of the search and its journal (default: the base's, the space's or the study's)"
    )
    command.add_argument(
        "--final-presets",
        type=whole(0, 100),
        metavar="K",
        help="how many of the paper's ViTs and T2T-ViTs are tested beside them, trained alike: those within the budget "
        "that have the most MACs (default: 2)",
    )
    command.add_argument(
        "--export",
        metavar="DIR",
        help="write the Pareto set as a study file, the candidates as csv, figures and a page",
    )
    command.add_argument("--jobs", type=whole(1, 10_000), help="trials at a time (default: one a core, or a GPU)")
    command.add_argument(
        "--executor", choices=("ray", "inline"), default="ray", help="inline: in this process, without Ray"
    )
    command.add_argument(
        "--gpus-per-trial", type=number(0, 1024, above=False), metavar="N", help="GPUs of a trial, or a share of one"
    )
    command.add_argument(
        "--cpus-per-trial", type=cores, default=1.0, metavar="C", help="cores kept for each trial (default: 1)"
    )
    command.add_argument("--address", metavar="HOST:PORT", help="of a running Ray cluster, or auto (default: our own)")
    command.add_argument("--data", dest="data_dir", metavar="DIR", help="folder of data sets (default: $STUDIES_DATA)")
    command.add_argument("--json", action="store_true", help="for programs")
    return command
