"""Samplers compared on a space whose every model is trained already: `benchmarks/search_table.py` says how.

python benchmarks/search.py [--seeds 20] [--trials 100] [--samplers ehvi tpe ...] [--max-macs 5G]
                            [--figure FILE]

ehvi, tpe, nsga2, gp and random are those of `studies search`, run as it runs them but for the training: what a
candidate came to is looked up. `optuna nsga2` is Optuna's own sampler over the same knobs as a user would write it,
with the budget as a constraint that is told with the result: what it proposes twice, or outside the budget, counts as a
trial.

The hypervolume is that of accuracy against the logarithm of MACs, of the candidates within the budget, as a share of
what the whole table has. `to random's end`: trials until a search has the mean hypervolume that random has at its
last trial, as a share of these trials. Intervals: of the mean over seeds at 95 %, by bootstrap. It prints a table for
each budget, and says which goals are met; `--figure` draws the curves (benchmarks/search.png is that of 20 seeds).
"""

import argparse
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from figures import tell
from matplotlib.figure import Figure
from search_table import read
from tabulate import tabulate

from reports.figures import COLOURS
from studies.api.search_settings import Asked, asked
from studies.cli.arguments import amount
from studies.searching.candidates import Candidate, Candidates
from studies.searching.objectives import SAMPLERS, directions
from studies.searching.parameters import distribution, suggested
from studies.searching.search import Search

OWN = "optuna nsga2"
RESAMPLES = 2000


@dataclass(frozen=True)
class Task:
    """A search space whose answers are known.

    Attributes:
        max_macs: budget; None: none.
        trials: of each search.
        objectives: of the samplers.
    """

    max_macs: int | None
    trials: int
    objectives: tuple[str, ...] = ("top1", "macs")

    def asked(self, sampler: str, seed: int) -> Asked:
        """The search of `studies search`."""
        given = {"max_macs": self.max_macs, "scale": "digits", "sampler": sampler, "seed": seed}
        return asked("digits_small", given | {"objectives": list(self.objectives)})

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a model, all of them."""
        return read()[0]

    @cached_property
    def knobs(self) -> list[str]:
        """What tells the rows apart."""
        return [name for name in self.table if name not in ("params", "macs", "top1")]

    @cached_property
    def answers(self) -> dict[tuple[Any, ...], tuple[float, int]]:
        """top1 and macs of each point."""
        rows = self.table.to_dict("records")
        return {tuple(row[name] for name in self.knobs): (row["top1"], row["macs"]) for row in rows}

    def answer(self, point: dict[str, Any]) -> tuple[float, int]:
        """top1 (%) and macs of a point."""
        return self.answers[tuple(point[name] for name in self.knobs)]

    @cached_property
    def feasible(self) -> pd.DataFrame:
        """The rows within the budget."""
        return self.table[self.table["macs"] <= (self.max_macs or math.inf)]

    def volume(self, found: Sequence[tuple[float, int]]) -> float:
        """The hypervolume of what was found within the budget, as a share of that of all that there is."""
        return self._area(found) / self._whole

    @cached_property
    def _whole(self) -> float:
        return self._area(list(zip(self.feasible["top1"], self.feasible["macs"], strict=True)))

    def _area(self, found: Sequence[tuple[float, int]]) -> float:
        """The area that is worse than one of the found, down to the worst accuracy and up to the most MACs."""
        worst, most = float(self.feasible["top1"].min()), float(self.feasible["macs"].max())
        area, best = 0.0, worst
        for top1, macs in sorted(found, key=lambda one: (one[1], -one[0])):
            if macs <= most and top1 > best:
                area += (top1 - best) * math.log(most / macs)
                best = top1
        return area


def ours(task: Task, sampler: str, seed: int) -> list[tuple[float, int]]:
    """What a search of `studies search` finds, trial by trial."""
    of = task.asked(sampler, seed)
    study = optuna.create_study(directions=directions(of.definition.objectives))
    search = Search(study, Looked(of.candidates), title=sampler)
    found = []
    while len(found) < task.trials and (proposal := search.propose()):
        found.append(task.answer(proposal.candidate.point))
        search.tell(proposal.number, found[-1][0])
    return found


class Looked(Candidates):
    """Candidates that are made once for all searches of a process."""

    made: dict[Any, Candidate | None] = {}  # noqa: RUF012

    def __init__(self, candidates: Candidates) -> None:
        super().__init__(candidates.definition, candidates.feasible)
        self.budget = str(candidates.definition.budget)

    def at(self, point: Any) -> Candidate | None:
        """As that of the class, remembered."""
        key = (self.budget, frozenset(point.items()))
        if key not in self.made:
            self.made[key] = super().at(point)
        return self.made[key]


def optunas(task: Task, seed: int) -> list[tuple[float, int]]:
    """What Optuna's NSGA-II finds by itself, trial by trial; the budget is told with the result."""
    space = task.asked("random", 0).definition.space

    found = []

    def objective(trial: optuna.Trial) -> tuple[float, ...]:
        point = {p.name: suggested(trial, p.name, distribution(p.values)) for p in space.parameters()}
        found.append(task.answer(point))
        if task.max_macs:
            trial.set_constraint("max_macs", found[-1][1] / task.max_macs - 1)
        return found[-1]

    study = optuna.create_study(
        directions=directions(("top1", "macs")), sampler=optuna.samplers.NSGAIISampler(seed=seed)
    )
    study.optimize(objective, task.trials)
    return found


def one(task: Task, name: str, seed: int) -> tuple[list[float], list[float]]:
    """After each trial of a search: the share of the hypervolume, and the best accuracy (%) within the budget."""
    found = optunas(task, seed) if name == OWN else ours(task, name, seed)
    volumes = [task.volume(found[: i + 1]) for i in range(len(found))]
    inside = [top1 if macs <= (task.max_macs or math.inf) else -math.inf for top1, macs in found]
    return volumes, list(np.maximum.accumulate(inside))


def interval(values: Sequence[float]) -> str:
    """The mean, with its interval at 95 %."""
    rng, array = np.random.default_rng(0), np.asarray(values, float)
    means = rng.choice(array, (RESAMPLES, len(array))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{array.mean():.3f} [{low:.3f}, {high:.3f}]"


def until(curve: Sequence[float], level: float) -> float:
    """Trials until a curve is at a level; infinite if it never is."""
    return next((i + 1.0 for i, value in enumerate(curve) if value >= level), math.inf)


def compare(task: Task, samplers: Sequence[str], seeds: int, jobs: int) -> dict[str, np.ndarray]:
    """Print the table of a budget; the curves of the hypervolume by sampler, a row a seed."""
    work = [(name, seed) for name in samplers for seed in range(seeds)]
    with ProcessPoolExecutor(jobs) as pool:
        ran = dict(zip(work, pool.map(one, [task] * len(work), *zip(*work, strict=True)), strict=True))
    curves = {name: np.array([ran[name, seed][0] for seed in range(seeds)]) for name in samplers}
    level = float(curves["random"][:, -1].mean())
    best = float(task.feasible["top1"].max())
    rows = []
    for name in samplers:
        reached = [min(until(curve, level), task.trials) / task.trials for curve in curves[name]]
        never = sum(until(curve, level) == math.inf for curve in curves[name])
        regret = [best - ran[name, seed][1][-1] for seed in range(seeds)]
        at_half, at_end = (interval(curves[name][:, i]) for i in (task.trials // 2 - 1, -1))
        rows.append([name, at_half, at_end, interval(reached), never, interval(regret)])
    bound = f"max_macs {task.max_macs:,}" if task.max_macs else "no budget"
    print(f"\n{bound}: {len(task.feasible)} of {len(task.table)} models; {task.trials} trials, {seeds} seeds")
    half = f"volume at {task.trials // 2}"
    heads = ["sampler", half, f"at {task.trials}", "to random's end", "never", "points below the best"]
    print(tabulate(rows, heads, disable_numparse=True))
    return curves


def verdicts(curves: dict[str, np.ndarray], trials: int, models: str, default: str = "ehvi") -> None:
    """Whether the default has what it is meant to have, and what is best."""
    half = trials // 2 - 1
    lead = interval(curves[default][:, half] - curves["random"][:, -1])  # seed by seed: both vary
    print(f"{default} at half of the trials less random at the end: {lead}")
    tell(
        f"share of the hypervolume of {default} after {half + 1} trials, {models}",
        f"random after {trials}",
        f"+ {lead}",
    )
    if OWN in curves:
        print(f"{default} less {OWN}, both at the end: {interval(curves[default][:, -1] - curves[OWN][:, -1])}")
    print(f"most at the end: {max(curves, key=lambda name: curves[name][:, -1].mean())}")


def draw(all_curves: dict[str, dict[str, np.ndarray]]) -> Figure:
    """A panel for each budget: the mean of the hypervolume over seeds, by trials, with its interval."""
    figure = Figure(figsize=(5 * len(all_curves), 4), layout="constrained")
    for axes, (title, curves) in zip(
        np.atleast_1d(figure.subplots(1, len(all_curves))), all_curves.items(), strict=True
    ):
        for (name, rows), colour in zip(curves.items(), COLOURS, strict=False):
            mean, error = rows.mean(0), 1.96 * rows.std(0, ddof=1) / math.sqrt(len(rows))
            trials = np.arange(1, rows.shape[1] + 1)
            axes.plot(trials, mean, color=colour, label=name)
            axes.fill_between(trials, mean - error, mean + error, color=colour, alpha=0.15, lw=0)
        axes.set(xlabel="Trials", ylabel="Share of the hypervolume", ylim=(0.5, 1.005))
        axes.set_title(title, loc="left")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, loc="lower right")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument(
        "--samplers", nargs="+", default=["ehvi", "tpe", "nsga2", "random", OWN], choices=[*SAMPLERS, OWN]
    )
    parser.add_argument("--max-macs", type=amount, nargs="*", default=[5_000_000_000], help="budgets beside none")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the curves: .png, .svg or .pdf")
    arguments = parser.parse_args()
    samplers = list(dict.fromkeys([*arguments.samplers, "random"]))
    drawn = {}
    for budget in (None, *arguments.max_macs):
        curves = compare(Task(budget, arguments.trials), samplers, arguments.seeds, arguments.jobs)
        models = f"at most {budget / 1e9:g} G MACs" if budget else "all models"
        verdicts(curves, arguments.trials, models)
        drawn[models] = curves
    if arguments.figure:
        draw(drawn).savefig(arguments.figure, dpi=120)
        print(f"\n{arguments.figure}")


if __name__ == "__main__":
    main()
