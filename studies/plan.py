"""`studies plan`, and what plan and run share: which trials, in what state, at what cost."""

import argparse
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from searchspace.expand import SpecError
from studies.costs import costs, memory
from studies.estimate import Estimate, estimate
from studies.execute import default_device, device_name
from studies.load import load_study
from studies.progress import counted, duration
from studies.scale import Scale, load_scale
from studies.store import Store
from studies.study import Arm, ScaledArm, Study, trials
from studies.trial import TrialSpec

MEMORY_GIB = 1.5  # of a worker with torch, with room


@dataclass(frozen=True)
class Plan:
    """The trials of a run, as asked for on the command line.

    Attributes:
        names: `group / arm, seed s` for each trial id; arms of one model share a trial.
        refused: arms that cannot be had at the scale.
    """

    study: Study
    scale: Scale
    store: Store
    arms: list[tuple[Arm, TrialSpec]]
    refused: list[ScaledArm]

    @property
    def trials(self) -> list[TrialSpec]:
        """Every distinct trial, in order."""
        return list({trial.id: trial for _, trial in self.arms}.values())

    @property
    def missing(self) -> list[TrialSpec]:
        """The trials that are not done; among them those whose weights are gone and another one needs."""
        open_ = {trial.id for trial in self.trials if not self.store.done(trial.id)}
        for _ in self.trials:  # as deep as any chain of needs
            needed = {i for trial in self.trials if trial.id in open_ for i in trial.needs}
            more = {i for i in needed - open_ if not self.store.done(i, weights=True)}
            if not more:
                break
            open_ |= more
        return [trial for trial in self.trials if trial.id in open_]

    @property
    def names(self) -> dict[str, str]:
        """A name for each trial id."""
        names: dict[str, list[str]] = {}
        for arm, trial in self.arms:
            names.setdefault(trial.id, []).append(arm.name)
        return {trial.id: f"{' = '.join(names[trial.id])}, seed {trial.seed}" for trial in self.trials}


def make(arguments: argparse.Namespace) -> Plan:
    """The plan that the arguments of `plan` and `run` ask for.

    Raises:
        SpecError: for an unknown study, scale or arm, if none of the arms can be had at the scale, or if an arm cannot
            start with the weights of the one it names.
    """
    study = load_study(arguments.study)
    scale = load_scale(arguments.scale or study.scale)
    chosen = study.select(arguments.only, arguments.all)
    scaled = [item for item in study.at(scale) if item.arm in chosen]
    refused = [item for item in scaled if item.model is None]
    if len(refused) == len(scaled):
        raise SpecError(f"no arm can be had at scale {scale.scale}: {refused[0].arm.name}: {refused[0].refusal}")
    arms = list(trials(scaled, scale, arguments.seeds or study.seeds))
    _check_pretrained(arms)
    return Plan(study, scale, Store(arguments.runs_dir).check(), arms, refused)


def _check_pretrained(arms: Sequence[tuple[Arm, TrialSpec]]) -> None:
    models = {trial.id: trial.model for _, trial in arms}
    for arm, trial in arms:
        if trial.pretrained and arm.pretrained and trial.seed == arms[0][1].seed:
            from studies.parents import check_start

            try:
                check_start(trial.model, models[trial.pretrained])
            except ValueError as error:
                raise SpecError(f"{arm.name}: pretrained: {arm.pretrained[1]}: {error}") from None


def default_gpus() -> float:
    """GPUs for a trial where nothing is said: one if there is one."""
    return 1.0 if default_device() == "cuda" else 0.0


def check_gpus(gpus_per_trial: float) -> None:
    """Refuse what the machine cannot give or Ray does not take.

    Raises:
        SpecError: if there are too few GPUs, or for a number such as 1.5.
    """
    if gpus_per_trial > 1 and gpus_per_trial != int(gpus_per_trial):
        raise SpecError(f"a trial takes a share of one GPU or whole ones, got --gpus-per-trial {gpus_per_trial:g}")
    if gpus_per_trial > 0:
        import torch

        if gpus_per_trial > torch.cuda.device_count():
            there = torch.cuda.device_count()
            raise SpecError(f"--gpus-per-trial {gpus_per_trial:g}, but this machine has {there} GPU(s)")


def default_jobs(gpus_per_trial: float) -> int:
    """As many trials at a time as there are GPUs, or cores and memory."""
    if gpus_per_trial > 0:
        import torch

        return max(1, int(torch.cuda.device_count() / gpus_per_trial))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return cores
    return max(1, min(cores, int(memory / MEMORY_GIB)))


def main(arguments: argparse.Namespace) -> int:
    """Print the trials, their costs and the time they would take."""
    plan = make(arguments)
    jobs = arguments.devices or arguments.jobs or default_jobs(default_gpus())
    missing = plan.missing
    guess = estimate(plan.store, plan.trials, missing, jobs, arguments.device_type)
    rows = _rows(plan, guess, {trial.id for trial in missing})
    device = arguments.device_type or device_name(default_device())
    if arguments.json:
        content = {
            "study": plan.study.name,
            "scale": plan.scale.scale,
            "trials": rows,
            "refused": {item.arm.name: item.refusal for item in plan.refused},
            "devices": jobs,
            "device_type": device,
            "device_seconds": guess.device_seconds,
            "wall_seconds": guess.wall_seconds,
            "basis": guess.basis(missing),
        }
        print(json.dumps(content, indent=1))
        return 0
    print(f"{plan.study.name} at scale {plan.scale.scale}: {plan.scale.description}\n")
    print(_table(rows))
    print()
    for item in plan.refused:
        print(f"not at this scale: {item.arm.name} ({item.refusal})")
    optional = [arm for arm in plan.study.arms if arm.optional]
    if optional and not (arguments.all or arguments.only):
        print(f"left out: {len(optional)} optional arms, trained with --all")
    done = len(plan.trials) - len(missing)
    print(f"{counted(len(plan.trials), 'trial')}: {done} done, {len(missing)} to train; {jobs} at a time on {device}")
    if missing:
        print(
            f"about {duration(guess.wall_seconds)} ({duration(guess.device_seconds)} of training); "
            f"basis: {guess.basis(missing)}"
        )
    return 0


def _rows(plan: Plan, guess: Estimate, missing: Collection[str]) -> list[dict]:
    models = [trial.model for _, trial in plan.arms]
    return [
        {
            "group": arm.group,
            "arm": arm.name,
            "seed": trial.seed,
            "trial": trial.id,
            "status": plan.store.state(trial.id),
            "to_train": trial.id in missing,
            "needs": trial.needs,
            "params": cost["params"],
            "macs": cost["macs"],
            "activation_bytes": kept * trial.recipe.batch_size,
            "seconds": guess.seconds[trial.id],
            "basis": guess.bases[trial.id],
        }
        for (arm, trial), cost, kept in zip(plan.arms, costs(models), memory(models), strict=True)
    ]


def _table(rows: Sequence[dict]) -> str:
    """One line an arm: its seeds by state; a trial that several arms share is counted with the first."""
    arms: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        arms.setdefault((row["group"], row["arm"]), []).append(row)
    lines: list[list[str]] = []
    groups: set[str] = set()
    seen: dict[str, str] = {}
    for (group, arm), members in arms.items():
        states = [row["status"] for row in members]
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        first = members[0]
        twin = seen.setdefault(first["trial"], arm)
        cost = [
            f"{first['params'] / 1e3:.1f}",
            f"{first['macs'] / 1e6:.3f}",
            f"{first['activation_bytes'] / 2**20:.1f}",
            f"{first['seconds']:.0f}",
        ]
        shown = "" if group in groups else group
        groups.add(group)
        lines.append([shown, arm, *cost, counted if twin == arm else f"those of {twin}"])
    headers = ["group", "arm", "params (k)", "MACs (M)", "activations\n(MiB a batch)", "s a trial", "trials"]
    return tabulate(lines, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 4, "left"))
