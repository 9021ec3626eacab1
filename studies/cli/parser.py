"""The command line. Each command's work is in a module of its own, imported when it is called."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from searchspace.expand import SpecError
from studies.api.figures import KINDS
from studies.cli.arguments import number, seeds, whole
from studies.cli.run_options import add_run_options
from studies.cli.search_arguments import declare_search
from studies.cli.selection import add_runs_dir, add_selection
from studies.cli.space_options import add_space_commands
from studies.cli.usage import Parser, UsageError, Version
from studies.store.errors import NoStoreWarning
from studies.store.records import STATUSES

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]

EPILOG = """\
a first session:
  studies plan cnn_to_vit          what would be trained, what it costs, how long it takes
  studies run cnn_to_vit           train it at the embedded scale, on CPU, without a download
  studies report --table 6         the paper's table beside it
  studies run mine.yaml            a study of your own: see examples/my_first_study.yaml

exit status: 0 done, 1 some trial failed, 2 usage, 130 Ctrl-C
"""

INTERVALS = """\
The intervals are Wilson's, at 95 %: how far the accuracy over all pictures of the kind may be from that over these.
They say nothing of the training: what another seed would have given."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is returned."""
    try:
        arguments = _parser().parse_args(argv)
    except UsageError as error:
        print(f"studies: {error}", file=sys.stderr)
        return 2
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.jit")  # timm and fvcore use it
    ours: dict[str, None] = {}  # an error says more than they do
    warnings.showwarning = partial(_take_ours, ours, warnings.showwarning)
    try:
        status = getattr(import_module(arguments.module), arguments.function)(arguments)
        sys.stdout.flush()
        for message in ours:
            print(f"studies: {message}", file=sys.stderr)
        return status
    except SpecError as error:
        if arguments.debug:
            raise
        print(f"studies: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("studies: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if arguments.debug:
            raise
        text = " ".join(str(error).split())
        print(f"studies: {type(error).__name__}: {text} (--debug shows where)", file=sys.stderr)
        return 1


def _take_ours(
    ours: dict[str, None],
    otherwise: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *more: Any,
    **named: Any,
) -> None:
    """Show a warning; our own are collected, each once, to be a line without the place in the code."""
    if issubclass(category, NoStoreWarning):
        ours[str(message)] = None
    else:
        otherwise(message, category, *more, **named)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="studies",
        description="Ablation studies of vision models around Tokens-to-Token ViT.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action=Version, dest=argparse.SUPPRESS, nargs=0, help="print the version and leave"
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, module: str, summary: str, example: str, among: "Commands" = commands) -> Parser:
        command = among.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(module=module, function="main")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return command

    command = add("list", "studies.cli.listing", "studies, scales and presets that can be used", "studies list --json")
    command.add_argument("--json", action="store_true", help="for programs")

    add(
        "schema",
        "studies.cli.schema",
        "JSON Schema of a study file, for editors to complete and check it",
        "studies schema > study.schema.json",
    )

    command = add("show", "studies.cli.show", "the arms of a study and how they differ", "studies show cnn_to_vit")
    command.add_argument("study", help="name of a study, or your file.yaml")
    command.add_argument("--scale", help="show the models as this scale shrinks them (default: full size)")
    command.add_argument("--diff", nargs=2, metavar=("A", "B"), help="how arm B's model differs from arm A's")
    command.add_argument("--json", action="store_true", help="for programs: every field of every arm")

    command = add(
        "plan",
        "studies.cli.plan",
        "what a run would train: params, MACs, time; nothing is kept",
        "studies plan cnn_to_vit --seeds 5",
    )
    add_selection(command)
    command.add_argument(
        "--devices", type=whole(1, 1_000_000), metavar="N", help="plan for so many devices (default: --jobs)"
    )
    command.add_argument("--device-type", metavar="TYPE", help="plan for devices of this kind: h100, a100, t4 ...")
    command.add_argument("--json", action="store_true", help="for programs")

    command = add(
        "run",
        "studies.cli.run",
        "train what is missing of a study, then print its table",
        "studies run cnn_to_vit --seeds 5 --only 'T2T*'",
    )
    add_selection(command)
    add_run_options(command)
    add_runs_dir(declare_search(add))

    command = add(
        "report",
        "studies.cli.report",
        "a table of the paper, or of a study, beside what was trained",
        "studies report --table 6 --format md",
    )
    command.add_argument("study", nargs="?", help="a study instead of a table: its name, or your file.yaml")
    command.add_argument("--table", type=whole(1, 7), metavar="N", help="number of the paper's table")
    command.add_argument(
        "--claims", action="store_true", help="what the paper claims, and whether it holds in what was trained"
    )
    command.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="instead of the table arm A against arm B of it, one comparison; GROUP/ARM where several groups have it",
    )
    command.add_argument(
        "--matrix",
        action="store_true",
        help="below a study's table: which arm has which part, with ticks, and its score",
    )
    command.add_argument(
        "--effects", action="store_true", help="below a grid's table: main effects and interactions of its factors"
    )
    command.add_argument("--scale", help="scale of the run to show (default: the study's)")
    command.add_argument("--seeds", type=seeds, metavar="K", help="only these seeds: how many, or a list 0,1,2")
    command.add_argument(
        "--format",
        choices=("text", "md", "latex", "csv", "json", "html"),
        default="text",
        help="default: text; html: a page by itself, with figures: studies report cnn_to_vit --format html > page.html",
    )
    shown = "; ".join(f"{kind}: {shows}" for kind, (_, _, shows) in KINDS.items())
    command.add_argument("--figure", metavar="KIND", help=f"also draw {shown}; or FILE: macs, in that file")
    command.add_argument(
        "--out", metavar="FILE", help="of the figure: .png, .pdf or .svg (default: STUDY_SCALE_KIND.png in the store)"
    )
    command.add_argument("--only", action="append", default=[], metavar="ARM", help="arms or groups of the figure")
    add_runs_dir(command)

    command = add(
        "cost",
        "studies.cli.cost",
        "params, MACs and activations of one spec",
        "studies cost t2t_vit_14 backbone.depth=16 -v",
    )
    command.add_argument("preset", help="name of a preset (see `studies list`)")
    command.add_argument("overrides", nargs="*", metavar="field=value", help="for example backbone.num_heads=32")
    command.add_argument("--scale", help="as this scale shrinks it (default: full size)")
    command.add_argument("-v", "--verbose", action="store_true", help="module by module")
    command.add_argument("--json", action="store_true", help="for programs")

    command = add(
        "evaluate",
        "studies.cli.evaluate",
        "accuracy of a file of weights on a folder of pictures, or of a trial on its test pictures",
        "studies evaluate t2t_vit_14 --weights 81.5_T2T_ViT_14.pth.tar --data imagenet/val\n"
        "         studies evaluate --trial 3f2a\n\n" + INTERVALS,
    )
    command.add_argument("preset", nargs="?", help="name of a preset (see `studies list`), with --weights and --data")
    command.add_argument("overrides", nargs="*", metavar="field=value", help="for example num_classes=10 img_size=384")
    command.add_argument("--weights", metavar="FILE", help=".pth, .pth.tar, .pt or .safetensors")
    command.add_argument(
        "--trial", metavar="ID", help="instead of a preset: a trial of the store, or how its id starts (`store ls`)"
    )
    command.add_argument(
        "--data",
        metavar="DIR",
        help="a folder of pictures for each class; with --trial the folder of data sets (default: $STUDIES_DATA)",
    )
    command.add_argument(
        "--batch-size",
        type=whole(1, 1_000_000),
        help="most pictures at a time (default: 64, with --trial as in its training)",
    )
    command.add_argument(
        "--crop-pct",
        type=number(0.1, 1, above=False),
        help="share of the picture's side kept (default: 0.9; a trial's data has its own)",
    )
    command.add_argument("--workers", type=whole(0, 512), default=2, help="processes that read pictures (default: 2)")
    command.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: cuda if there is one)")
    add_runs_dir(command)
    command.add_argument("--json", action="store_true", help="for programs")
    _data(commands, add)
    _store(commands, add)
    add_space_commands(commands, add, add_runs_dir)
    return parser


def _data(commands: "Commands", add: Callable[..., argparse.ArgumentParser]) -> None:
    text = "data sets: look whether one is as it should be"
    data = commands.add_parser("data", help=text, description=f"{text[0].upper()}{text[1:]}.")
    command = add(
        "check",
        "studies.cli.data",
        "count the classes and pictures of a data set and read some; exit status 1 if something is wrong",
        "studies data check imagenet --data /data",
        data.add_subparsers(required=True, metavar="command"),
    )
    command.add_argument(
        "what", metavar="SCALE", help="a scale, whose data it is, or your file.yaml; or cifar10, cifar100"
    )
    command.add_argument("--data", dest="data_dir", metavar="DIR", help="folder of data sets (default: $STUDIES_DATA)")
    command.add_argument("--all", action="store_true", help="read every picture (default: some hundred)")
    command.add_argument("--download", action="store_true", help="fetch it first if it is not there (CIFAR)")
    command.add_argument("--json", action="store_true", help="for programs")


def _store(commands: "Commands", add: Callable[..., argparse.ArgumentParser]) -> None:
    text = "what the store has: list, look at, check, remove, take out"
    store = commands.add_parser("store", help=text, description=f"{text[0].upper()}{text[1:]}.")
    among = store.add_subparsers(required=True, metavar="command")

    def add_one(function: str, summary: str, example: str) -> argparse.ArgumentParser:
        command = add(function, "studies.cli.store", summary, example, among)
        command.set_defaults(function=function)
        add_runs_dir(command)
        return command

    command = add_one("ls", "a line a trial: id, state, model, seed, accuracy", "studies store ls --status failed")
    command.add_argument("--status", choices=STATUSES, help="only these")
    command.add_argument("--json", action="store_true", help="for programs")
    command = add_one("show", "all that is known of a trial: spec, figures, epochs", "studies store show 3f2a")
    command.add_argument("trial", help="id of a trial, or how it starts")
    command.add_argument("--json", action="store_true", help="for programs")
    command = add_one("rm", "remove trials, with their results", "studies store rm --status failed")
    command.add_argument("trial", nargs="*", help="ids of trials, or how they start")
    command.add_argument("--status", choices=STATUSES, help="all of these")
    command.add_argument("--yes", action="store_true", help="do not ask")
    command = add_one("verify", "read every file; exit status 1 if one is not what was written", "studies store verify")
    command.add_argument("--json", action="store_true", help="for programs")
    command = add_one("export", "results and epochs as Parquet and CSV", "studies store export cnn_to_vit --out tables")
    command.add_argument("study", nargs="?", help="a study, with its names of arms (default: every trial, without)")
    command.add_argument("--scale", help="of the study (default: its own)")
    command.add_argument("--out", default="export", metavar="DIR", help="default: ./export")
    add_one("migrate", "bring a store of an older version up to date", "studies store migrate --runs-dir runs")
