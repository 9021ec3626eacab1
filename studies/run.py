"""`studies run`: expand, subtract what the store has, train the rest, print the table."""

import argparse
import sys
import time

from searchspace.expand import SpecError
from studies import plan as planning
from studies.costs import costs
from studies.execute import run_inline
from studies.plan import Plan
from studies.progress import Progress, duration
from studies.trial import TrialSpec


def main(arguments: argparse.Namespace) -> int:
    """Train what is missing; 1 if a trial failed."""
    start = time.monotonic()
    plan = planning.make(arguments)
    gpus = planning.default_gpus() if arguments.gpus_per_trial is None else arguments.gpus_per_trial
    planning.check_gpus(gpus)
    if arguments.executor == "inline" and arguments.jobs not in (None, 1):
        raise SpecError("--executor inline trains one trial at a time: leave out --jobs, or use --executor ray")
    with plan.store.lock():
        if arguments.fresh:
            for trial in plan.trials:
                plan.store.forget(trial.id)
        missing = plan.missing
        done = len(plan.trials) - len(missing)
        _say(f"{plan.study.name} at scale {plan.scale.scale}: {len(plan.trials)} trials, {done} done already")
        for item in plan.refused:
            _say(f"not at this scale: {item.arm.name} ({item.refusal})")
        progress = _train(plan, missing, arguments, gpus) if missing else None
    from studies.report import print_study

    print_study(plan.study, plan.scale, plan.store, seeds=arguments.seeds)
    if progress is None:
        _say("nothing to train: every trial is in the store")
        return 0
    seconds = time.monotonic() - start
    _say(f"{duration(seconds)} in all, {duration(progress.training_seconds)} of training over all workers")
    for trial_id, why in progress.failures.items():
        _say(f"failed: {progress.names[trial_id]}: {why} ({plan.store.folder(trial_id) / 'traceback.txt'})")
    return 1 if progress.failures else 0


def _train(plan: Plan, missing: list[TrialSpec], arguments: argparse.Namespace, gpus: float) -> Progress:
    jobs = arguments.jobs or planning.default_jobs(gpus)
    jobs = 1 if arguments.executor == "inline" else min(jobs, len(missing))
    how = "in this process" if arguments.executor == "inline" else f"{jobs} at a time, scheduled by Ray Tune"
    _say(f"training {len(missing)} trials, {how}; store: {plan.store.root}")
    figures = costs([trial.model for trial in missing])
    weights = {trial.id: float(cost["macs"]) for trial, cost in zip(missing, figures, strict=True)}
    for trial in missing:
        plan.store.plan(trial)
    with Progress(plan.names, missing, weights) as progress:
        if arguments.executor == "inline":
            run_inline(plan.store, missing, progress)
        else:
            from studies.schedule import run_ray

            run_ray(plan.store, missing, progress, jobs, gpus)
    return progress


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
