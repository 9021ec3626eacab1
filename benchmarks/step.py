"""A training step of small models: its time, its operators, and where the time goes; beside another checkout's.

python benchmarks/step.py [--against FOLDER_OR_REVISION] [--study cnn_to_vit] [--turns 9] [--steps 20]

Each arm of a study at scale digits is trained by the project's own trainer, on one thread. With `--against`, two
processes, each with the code of one checkout, take the same steps in turns: arm by arm, 20 steps here and 20 there,
the first of a turn by turns, so that what else the machine does meets both. A ratio is the other's seconds over ours,
above 1 where we are faster: the median over the turns with its quartiles, of CPU time and of wall time.

The split is of a run of its own, by timers around what a trainer calls; operators are counted by torch's profiler,
those that operators call included.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from checkouts import HERE, checkout
from figures import tell

PARTS = ("data", "seeds", "forward", "backward", "clip", "optimizer", "rest")


# ---- one checkout's process: it imports the packages of the folder on its PYTHONPATH


def trainers(study: str) -> dict[str, Any]:
    """A trainer for each arm of a study at digits, with the first seed."""
    from studies.language.expansion import at_scale, trials
    from studies.language.resolve import load_study
    from studies.language.scale_file import load_scale
    from studies.training.devices import prepare_device
    from studies.training.trainer import Trainer

    prepare_device("cpu")
    asked = load_study(study)
    chosen = {arm.key for arm in asked.select()}
    found = trials(at_scale(asked, load_scale("digits")), [0], lambda arm, seed: arm.key in chosen)
    return {arm.name: Trainer(trial) for arm, trial in found}


def take(trainer: Any, steps: int) -> None:
    """The next steps; from the first again where an epoch has not so many left."""
    if trainer.step % trainer.steps_per_epoch + steps > trainer.steps_per_epoch:
        trainer.step = 0
    trainer.train_steps(steps)


def timed(trainer: Any, steps: int) -> list[float]:
    """Wall and CPU seconds of a step."""
    wall, cpu = time.perf_counter(), time.process_time()
    take(trainer, steps)
    return [(time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps]


def operators(trainer: Any, steps: int) -> float:
    """Calls of operators in a step."""
    from torch.profiler import ProfilerActivity, profile

    with _silent(), profile(activities=[ProfilerActivity.CPU]) as found:
        take(trainer, steps)
    return sum(event.count for event in found.key_averages() if event.key.startswith("aten::")) / steps


def split(trainer: Any, steps: int) -> dict[str, float]:
    """CPU seconds of each part of a step; `rest` is what is in none of the others."""
    from torch import nn

    import studies.training.data.source as source

    spent = dict.fromkeys(PARTS, 0.0)
    inner: list[float] = []

    def within(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            inner.append(0.0)
            start = time.process_time()
            try:
                return call(*args, **kwargs)
            finally:
                seconds = time.process_time() - start
                spent[part] += seconds - inner.pop()
                if inner:
                    inner[-1] += seconds

        return measured

    clip: Any = (trainer, "_clip") if hasattr(trainer, "_clip") else (nn.utils, "clip_grad_norm_")
    gradients, precision = trainer.gradients, trainer.precision
    _ = gradients.forward  # is made at the first step
    places: list[tuple[str, Any, str]] = [
        ("data", trainer.source, "train_batch"),
        ("seeds", source, "seed_all"),
        ("forward", gradients, "_forward"),
        ("forward", gradients, "loss"),
        ("backward", precision, "backward"),
        ("clip", *clip),
        ("optimizer", precision, "step"),
    ]
    with _replaced([(owner, name, within(part, getattr(owner, name))) for part, owner, name in places]):
        within("rest", take)(trainer, steps)
    return {part: seconds / steps for part, seconds in spent.items()}


@contextmanager
def _replaced(places: list[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [(owner, name, vars(owner).get(name)) for owner, name, _ in places]
    for owner, name, value in places:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            if value is None:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


@contextmanager
def _silent() -> Iterator[None]:
    """Without what libraries in C++ write to the standard error stream, as torch's profiler does of each start."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def serve(study: str) -> None:
    """Answer requests, a line of JSON each: what, of which arm, over how many steps."""
    out, sys.stdout = sys.stdout, sys.stderr
    made = trainers(study)
    print(json.dumps(list(made)), file=out, flush=True)
    known = {"timed": timed, "operators": operators, "split": split}
    for line in sys.stdin:
        what, arm, steps = json.loads(line)
        print(json.dumps(known[what](made[arm], steps)), file=out, flush=True)


# ---- the process that asks


class Checkout:
    """A process with the code of a folder."""

    def __init__(self, folder: Path, study: str) -> None:
        env = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "--serve", "--study", study]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=folder
        )
        self.arms: list[str] = self._answer()

    def ask(self, what: str, arm: str, steps: int) -> Any:
        """What the process says of an arm."""
        assert self.process.stdin
        print(json.dumps([what, arm, steps]), file=self.process.stdin, flush=True)
        return self._answer()

    def __enter__(self) -> "Checkout":
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a process of a checkout has ended: see above")
        return json.loads(line)


def spread(values: list[float]) -> str:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4)
    return f"{median(values):5.2f} ({low:.2f} to {high:.2f})"


def compare(ours: Checkout, other: Checkout | None, against: str | None, turns: int, steps: int) -> None:
    """Print a row an arm, and the sum."""
    checkouts = [c for c in (ours, other) if c]
    for arm in ours.arms:
        for each in checkouts:
            each.ask("timed", arm, steps)
    seconds: dict[Checkout, dict[str, list[list[float]]]] = {c: {arm: [] for arm in ours.arms} for c in checkouts}
    for turn in range(turns):
        for arm in ours.arms:
            for each in checkouts if turn % 2 else reversed(checkouts):
                seconds[each][arm].append(each.ask("timed", arm, steps))

    def of(checkout: Checkout, arm: str, clock: int) -> list[float]:
        return [pair[clock] for pair in seconds[checkout][arm]]

    def total(checkout: Checkout, clock: int) -> list[float]:
        return [sum(row) for row in zip(*(of(checkout, arm, clock) for arm in ours.arms), strict=True)]

    print(f"{'arm':20} {'ms a step':>10} {'operators':>10}" + ("  CPU time ratio       wall ratio" if other else ""))
    for arm in [*ours.arms, "sum"]:
        both = [[total(c, i) if arm == "sum" else of(c, arm, i) for i in (1, 0)] for c in checkouts]
        counts = [sum(c.ask("operators", a, 2) for a in (ours.arms if arm == "sum" else [arm])) for c in checkouts]
        line = f"{arm:20} {1000 * median(both[0][0]):10.2f} {counts[0]:10.0f}"
        if other:
            ratios = [[b / a for a, b in zip(mine, its, strict=True)] for mine, its in zip(*both, strict=True)]
            if arm == "sum":
                tell(
                    f"a step at digits, sum of {len(ours.arms)} arms, processor time",
                    f"version {against}",
                    spread(ratios[0]).strip(),
                )
            line += "  ".join(["", *map(spread, ratios)]) + f"  operators of the other {counts[1]:.0f}"
        print(line, flush=True)
    print("\nsplit of the sum, ms of CPU time:")
    for name, each in zip(("ours", "other"), checkouts, strict=False):
        # The quickest of a few: timers cannot tell what else the machine did in between.
        found = [[each.ask("split", arm, steps) for _ in range(5)] for arm in ours.arms]
        sums = {part: 1000 * sum(min(run[part] for run in runs) for runs in found) for part in PARTS}
        print(f"{name:6}", "  ".join(f"{part} {ms:.1f}" for part, ms in sums.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", help="another version to be compared with: a folder, or a git revision")
    parser.add_argument("--study", default="cnn_to_vit")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.study)
        return
    if arguments.turns < 2 or arguments.steps < 1:
        parser.error("at least 2 turns and 1 step")
    with ExitStack() as stack:
        ours = stack.enter_context(Checkout(HERE, arguments.study))
        other = None
        if arguments.against:
            folder = stack.enter_context(checkout(arguments.against))
            other = stack.enter_context(Checkout(folder, arguments.study))
        compare(ours, other, arguments.against, arguments.turns, arguments.steps)


if __name__ == "__main__":
    main()
