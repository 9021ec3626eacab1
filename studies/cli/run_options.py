"""The options of `studies run`: where and how trials are trained."""

import argparse

from studies.cli.arguments import cores, devices, number, whole

LONGEST_SECONDS = 10_000_000  # four months; clocks of the system overflow at some


def add_run_options(command: argparse.ArgumentParser) -> None:
    """Declare them."""
    command.add_argument(
        "--devices-per-trial",
        type=devices,
        metavar="N",
        help="devices that train a trial together, 8 say, or a share of a GPU, 0.25 say (default: 1); GPUs where there "
        "are any, here or on the cluster, else processes on the CPU",
    )
    command.add_argument(
        "--gpus-per-trial",
        type=number(0, 1024, above=False),
        metavar="N",
        help="the same, GPUs only; 0: no GPU even where there is one",
    )
    command.add_argument(
        "--cpus-per-trial", type=cores, default=1.0, metavar="C", help="cores kept for each process (default: 1)"
    )
    command.add_argument(
        "--micro-batch",
        type=whole(1, 1_000_000),
        metavar="N",
        help="most pictures of one forward pass; gradients are accumulated, the batch stays (default: the whole batch, "
        "and halves of it where memory is short)",
    )
    command.add_argument(
        "--compile", action="store_true", help="compile the models: slow to start, then faster on GPUs"
    )
    command.add_argument(
        "--executor", choices=("ray", "inline"), default="ray", help="inline: in this process, without Ray"
    )
    command.add_argument("--download", action="store_true", help="fetch data first that is not there (CIFAR)")
    command.add_argument(
        "--data-workers", type=whole(0, 512), metavar="N", help="processes that read pictures beside a trial, 0: none"
    )
    for name, title in {"tensorboard": "TensorBoard", "mlflow": "MLflow", "wandb": "Weights & Biases"}.items():
        command.add_argument(
            f"--{name}",
            action="append_const",
            dest="trackers",
            const=name,
            default=[],
            help=f"tell {title} of each epoch and trial (pip install {name})",
        )
    command.add_argument(
        "--page",
        nargs="?",
        const="store",
        metavar="FILE",
        help="write the report as a page, again and again while the run goes on (default: pages/STUDY@SCALE.html in "
        "the store)",
    )
    command.add_argument("--fresh", action="store_true", help="forget earlier results of these trials first")
    command.add_argument(
        "--early-stop", action="store_true", help="end the worse trials early (ASHA); a run without it trains them on"
    )
    command.add_argument(
        "--grace-period",
        type=whole(1, 100_000),
        default=1,
        metavar="EPOCHS",
        help="--early-stop leaves so many (default: 1)",
    )
    command.add_argument(
        "--reduction-factor",
        type=number(1, 1000),
        default=2.0,
        metavar="N",
        help="--early-stop lets one in N of a group's trials go on after each rung of epochs (default: 2)",
    )
    command.add_argument("--address", metavar="HOST:PORT", help="of a running Ray cluster, or auto (default: our own)")
    command.add_argument("--device-type", metavar="TYPE", help="accelerators to run on, as Ray names them: H100, A100")
    command.add_argument(
        "--checkpoint-every",
        type=number(0, LONGEST_SECONDS),
        default=60.0,
        metavar="SECONDS",
        help="within an epoch; after each epoch one is kept anyway (default: 60)",
    )
    command.add_argument(
        "--step-timeout",
        type=number(0, LONGEST_SECONDS),
        default=600.0,
        metavar="SECONDS",
        help="a trial that trains no step for so long has failed (default: 600)",
    )

    command.add_argument(
        "--cluster-silence",
        type=number(0, LONGEST_SECONDS),
        default=45.0,
        metavar="SECONDS",
        help="a Ray that does not answer for so long is taken for dead (default: 45)",
    )
