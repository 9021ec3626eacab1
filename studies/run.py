"""`studies run`: expand, subtract what the store has, train the rest, print the table."""

import argparse
import os
import sys
import threading
import time
import uuid

from searchspace.expand import SpecError
from studies import plan as planning
from studies.cluster import Cluster
from studies.estimate import work
from studies.execute import Options, RayDied, Stopped, run_inline
from studies.files import StoreError
from studies.interrupt import EXIT_STATUS, interruptible
from studies.plan import Plan
from studies.progress import Progress, counted, duration
from studies.queue import Queue
from studies.trial import TrialSpec


def main(arguments: argparse.Namespace) -> int:
    """Train what is missing; 1 if a trial failed."""
    start = time.monotonic()
    plan = planning.make(arguments)
    gpus = planning.default_gpus() if arguments.gpus_per_trial is None else arguments.gpus_per_trial
    _check(plan, arguments, gpus)
    plan.store.prepare()
    if not plan.store.files.exclusive:
        _say(f"{plan.store.root} has no conditional writes: one run at a time, or trials are trained twice")
    missing = plan.trials if arguments.fresh else plan.missing
    done = len(plan.trials) - len(missing)
    if arguments.early_stop:  # what it has ended stays so, until a run without it goes on, or another trial needs it
        needed = {trial_id for trial in missing for trial_id in trial.needs}
        missing = [t for t in missing if t.id in needed or plan.store.state(t.id) != "pruned"]
    early = len(plan.trials) - len(missing) - done
    said = f"{plan.study.name} at scale {plan.scale.scale}: {counted(len(plan.trials), 'trial')}, {done} done already"
    _say(said + (f", {early} stopped early" if early else ""))
    for item in plan.refused:
        _say(f"not at this scale: {item.arm.name} ({item.refusal})")
    progress, ended = _train(plan, missing, arguments, gpus) if missing else (None, None)
    if isinstance(ended, Stopped):
        _say("studies: stopped; the same command goes on from here")
        return EXIT_STATUS
    if ended is not None:
        _say(f"studies: {ended}; what is trained is kept, the same command goes on from there")
        if isinstance(ended, RayDied):
            sys.stdout.flush()
            os._exit(1)  # an orderly end would wait for Ray
        return 1
    from studies.report import print_study

    print_study(plan.study, plan.scale, plan.store, seeds=arguments.seeds)
    if progress is None:
        _say("nothing to train: every trial is in the store")
        return 0
    seconds = time.monotonic() - start
    _say(f"{duration(seconds)} in all, {duration(progress.training_seconds)} of training over all workers")
    for trial_id, why in progress.failures.items():
        _say(f"failed: {progress.names[trial_id]}: {why} ({plan.store.folder(trial_id)}/traceback.txt)")
    return 1 if progress.failures else 0


def _check(plan: Plan, arguments: argparse.Namespace, gpus: float) -> None:
    """Refuse what cannot work before anything is written.

    Raises:
        SpecError: if options do not go together, or the machine does not have what is asked for.
    """
    if arguments.executor == "inline":
        rays = {"--jobs": arguments.jobs not in (None, 1), "--address": arguments.address}
        for name, value in (rays | {"--device-type": arguments.device_type}).items():
            if value:
                raise SpecError(f"--executor inline trains one trial at a time, here: leave out {name}, or use ray")
        if arguments.early_stop:
            raise SpecError("--early-stop compares trials that run at the same time: it needs --executor ray")
    elif plan.store.files.one_process:
        raise SpecError(f"{plan.store.root} lives in one process: Ray's workers would not see it; --executor inline")
    if not arguments.address:
        planning.check_gpus(gpus)
    if arguments.fresh:
        running = [plan.names[trial.id] for trial in plan.trials if plan.store.state(trial.id) == "running"]
        if running:
            raise SpecError(f"--fresh would take from a run what it trains now: {'; '.join(running)}; stop it first")


def _train(
    plan: Plan, missing: list[TrialSpec], arguments: argparse.Namespace, gpus: float
) -> tuple[Progress, Exception | None]:
    """Train; what came of it, and what ended it before all was done."""
    weights = {trial.id: work(trial) for trial in missing}
    options = Options(uuid.uuid4().hex[:12], arguments.checkpoint_every, arguments.step_timeout)
    epochs = {trial.id: trial.recipe.epochs for trial in missing}
    with Progress(plan.names, missing, {i: w / epochs[i] for i, w in weights.items()}) as progress:
        baselines = {trial.id for arm, trial in plan.arms if arm.baseline}  # what the others are compared with
        queue = Queue(plan.store, missing, weights, progress, options.run, baselines, arguments.early_stop)

        def leaving(text: str) -> None:
            if text.startswith("left"):
                progress.close()
            progress.say(f"studies: {text}")

        with interruptible(leaving) as stopping:
            try:
                _execute(plan, queue, options, arguments, gpus, stopping)
            except (Stopped, RayDied, StoreError) as ended:
                return progress, ended
    return progress, None


def _execute(
    plan: Plan,
    queue: Queue,
    options: Options,
    arguments: argparse.Namespace,
    gpus: float,
    stopping: threading.Event,
) -> None:
    count = len(queue.trials)

    def begin() -> None:
        """Write down what is to be trained, when nothing can refuse the run any more."""
        for trial in queue.trials.values():
            if arguments.fresh:
                plan.store.forget(trial.id)
            plan.store.plan(trial)

    if arguments.executor == "inline":
        _say(f"training {counted(count, 'trial')}, in this process; store: {plan.store.root}")
        begin()
        run_inline(plan.store, queue, options, stopping)
        return
    from studies.schedule import run_ray

    jobs = arguments.jobs
    if jobs is None and not arguments.address:
        jobs = min(planning.default_jobs(gpus), count)
    cluster = Cluster(jobs, gpus, arguments.address, arguments.device_type, arguments.early_stop)
    how = f"{jobs} at a time" if jobs else "as many at a time as the cluster takes"
    where = f" on the cluster at {arguments.address}" if arguments.address else ""
    _say(f"training {counted(count, 'trial')}, {how}, scheduled by Ray Tune{where}; store: {plan.store.root}")
    run_ray(plan.store, queue, options, cluster, stopping, begin)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
