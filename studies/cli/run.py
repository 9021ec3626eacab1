"""`studies run`: train what is missing, then print the table."""

import argparse
import os
import sys
import time

from searchspace.expand import SpecError
from studies.api.how import How
from studies.api.interrupt import EXIT_STATUS
from studies.api.outcome import Outcome
from studies.api.resolving import resolving
from studies.api.run import train, train_resolving
from studies.api.wording import duration, say
from studies.engine.events import RayDiedError, StoppedError
from studies.planning.plan import Plan, make_plan
from studies.store.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Train; 1 if a trial failed."""
    start = time.monotonic()
    store = Store(arguments.runs_dir)
    plan = make_plan(
        arguments.study,
        arguments.scale,
        arguments.seeds,
        arguments.only,
        arguments.all,
        store,
        arguments.baseline_seeds,
    )
    how = How(**{name: getattr(arguments, name) for name in How.__dataclass_fields__})
    asked = resolving(plan, arguments.seeds, arguments.resolve, arguments.max_seeds)
    outcome = train(plan, how) if asked is None else train_resolving(asked, how)
    if isinstance(outcome.ended, StoppedError):
        say("studies: stopped; the same command goes on from here")
        return EXIT_STATUS
    if outcome.ended is not None:
        say(f"studies: {outcome.ended}; what is trained is kept, the same command goes on from there")
        if isinstance(outcome.ended, RayDiedError):
            sys.stdout.flush()
            os._exit(1)  # an orderly end would wait for Ray
        return 1
    from studies.api.figures import write
    from studies.reporting.asked import Asked
    from studies.reporting.tables import table

    only = [arm.key for arm in plan.study.matching(arguments.only)] if arguments.only else None
    seeds = None if asked else arguments.seeds
    print(table(plan.study, plan.scale, plan.store, seeds, asked=only), end="")
    if only is not None:
        say("only the arms of --only are shown; `studies report` shows the whole table")
    try:
        say(f"figure: {write('macs', Asked(plan.study, plan.scale, plan.store, seeds, arguments.only))}")
    except SpecError as error:
        say(f"studies: {error}")
    if plan.study.searches:
        say(f"the file has a search too, which `studies search {plan.study.path}` runs")
    _conclude(outcome, plan, time.monotonic() - start)
    if outcome.page:
        say(f"page: {outcome.page}")
    return 1 if outcome.progress and outcome.progress.failures else 0


def _conclude(outcome: Outcome, plan: Plan, seconds: float) -> None:
    """What was trained, in how long, and what failed."""
    progress = outcome.progress
    if progress is None:
        say("nothing to train: every trial is in the store")
        return
    say(f"{duration(seconds)} in all, {duration(progress.training_seconds)} of training over all workers")
    for trial_id, why in progress.failures.items():
        say(f"failed: {progress.names[trial_id]}: {why} ({plan.store.folder(trial_id)}/traceback.txt)")
