"""Train what is missing of a study, and say what came of it."""

import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from searchspace.expand import SpecError
from studies.api.execution import RefusedError, cautions, execute, options_of, prepare
from studies.api.how import How
from studies.api.interrupt import interruptible
from studies.api.listeners import listeners, listening, page_of_the_end
from studies.api.outcome import Outcome
from studies.api.progress import Progress
from studies.api.resolving import Resolving, resolving, told
from studies.api.wording import counted, say
from studies.engine.events import RayDiedError, StoppedError
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.language.study import Study, checked_count, seed_list
from studies.planning.estimate import length
from studies.planning.machine import check_devices, check_memory, check_share
from studies.planning.plan import Plan, make_plan
from studies.reporting.frames import results, store_root
from studies.store.files import StoreError
from studies.store.store import Store
from studies.tracking.tracker import Tracker
from studies.training.data.download import download as fetch
from studies.training.data.root import data_root, require_data
from studies.training.execution import micro_batches
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    import pandas as pd


def run(
    study: str | Path | Study,
    *,
    scale: str | Path | Scale | None = None,
    seeds: int | Sequence[int] | None = None,
    only: str | Sequence[str] = (),
    everything: bool = False,
    runs_dir: str | Path | None = None,
    jobs: int | None = None,
    gpus_per_trial: float | None = None,
    executor: Literal["ray", "inline"] = "ray",
    fresh: bool = False,
    early_stop: bool = False,
    address: str | None = None,
    device_type: str | None = None,
    checkpoint_every: float = 60.0,
    step_timeout: float = 600.0,
    data_dir: str | Path | None = None,
    cluster_silence: float = 45.0,
    cpus_per_trial: float = 1.0,
    grace_period: int = 1,
    reduction_factor: float = 2.0,
    devices_per_trial: float | None = None,
    micro_batch: int | None = None,
    compile: bool = False,
    data_workers: int | None = None,
    download: bool = False,
    baseline_seeds: int | None = None,
    resolve: float | None = None,
    max_seeds: int | None = None,
    trackers: str | Sequence[str] = (),
    page: str | Path | None = None,
) -> "pd.DataFrame":
    """Train what is missing of a study, as `studies run` does, and give its results.

    Progress goes to stderr. A trial that fails is a row of status `failed`, and a warning.

    Args:
        study: name of a study that ships, path of a file, or a study.
        scale: name, path, or a scale; default: the study's.
        seeds: how many, or which; default: the study's.
        only: arms or groups, `*` for any text.
        everything: the study's optional groups too.
        runs_dir: the store, a folder or a URL; default: $STUDIES_RUNS_DIR, else ./runs.
        jobs: trials at a time; default: one a core, or a GPU.
        gpus_per_trial: as `devices_per_trial`, GPUs only; 0: no GPU even where there is one.
        executor: `inline` trains in this process, without Ray.
        fresh: forget earlier results of these trials first.
        early_stop: end the worse trials of each group early (ASHA).
        address: of a running Ray cluster, or `auto`; default: where `ray.init` has connected this process to, if so.
        device_type: accelerators to run on, as Ray names them.
        checkpoint_every: seconds between checkpoints within an epoch.
        step_timeout: seconds without a step after which a trial has failed.
        data_dir: folder of data sets that are read from files; default: $STUDIES_DATA.
        cluster_silence: seconds without an answer after which a Ray is taken for dead.
        cpus_per_trial: cores that a trial keeps from others.
        grace_period: epochs that early stopping leaves every trial.
        reduction_factor: early stopping lets one in so many trials of a group go on beyond each rung.
        devices_per_trial: devices that train a trial together, or a share of a GPU; default: one.
        micro_batch: most pictures of one forward pass on a device; default: all of its share of a batch.
        compile: compile the models with `torch.compile`.
        data_workers: processes beside each trial that read pictures from files; default: cores over trials at a time.
        download: fetch data sets first that are not there, where torchvision can.
        baseline_seeds: at least so many of each baseline; default: the study's.
        resolve: points; after the seeds of the study more are trained of the arms whose difference from the baseline
            is unresolved, until it is resolved, shown to be smaller than this, or out of seeds.
        max_seeds: with `resolve`: most seeds of an arm; default: 20.
        trackers: that are told of epochs and trials: tensorboard, mlflow, wandb.
        page: file of a page that is written again and again while the run goes on; `store`: in the store.

    Returns:
        A row a trial (see `studies.results`), of these seeds.

    Raises:
        SpecError: for bad input; nothing is trained or written then.
        KeyboardInterrupt: after Ctrl-C, when the trials have finished their step and saved.
        StoreError: if the store cannot be written.
        RayDiedError: if Ray died; what is trained is kept.
    """
    how = How(
        jobs, gpus_per_trial, executor, fresh, early_stop, address, device_type, checkpoint_every, step_timeout,
        None if data_dir is None else str(data_dir), cluster_silence, cpus_per_trial, grace_period, reduction_factor,
        devices_per_trial, micro_batch, compile, data_workers, download,
        _names(trackers), None if page is None else str(page),
    )  # fmt: skip
    store = Store(store_root(runs_dir))
    plan = make_plan(study, scale, seed_list(seeds), _names(only), everything, store, checked_count(baseline_seeds))
    asked = resolving(plan, seed_list(seeds), resolve, max_seeds)
    outcome = train(plan, how) if asked is None else train_resolving(asked, how)
    if isinstance(outcome.ended, StoppedError):
        raise KeyboardInterrupt
    if outcome.ended is not None:
        raise outcome.ended
    for trial_id, why in outcome.progress.failures.items() if outcome.progress else ():
        warnings.warn(f"{outcome.progress.names[trial_id]} failed: {why}", stacklevel=2)  # type: ignore[union-attr]
    kept = None if asked else seed_list(seeds) or plan.study.seeds
    return results(plan.study, plan.store.root, plan.scale, kept)


def _names(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def train(plan: Plan, how: How) -> Outcome:
    """Train what is missing of a plan, with progress on stderr, and write its page if it is to have one.

    Raises:
        SpecError: if that cannot be done so, before anything is written.
    """
    return _with_page(_round(plan, how), how)


def _with_page(outcome: Outcome, how: How) -> Outcome:
    """An outcome with the page of the end."""
    if isinstance(outcome.ended, RayDiedError):  # the process is to end now
        return outcome
    return replace(outcome, page=page_of_the_end(outcome.plan, how))


def _round(plan: Plan, how: How) -> Outcome:
    """What comes of what is missing of a plan."""
    check(plan, how)
    audience = listeners(plan, how)
    missing = plan.trials if how.fresh else plan.missing
    done = len(plan.trials) - len(missing)
    if how.early_stop:  # what it has ended stays so, until a run without it goes on, or another trial needs it
        needed = {trial_id for trial in missing for trial_id in trial.needs}
        missing = [t for t in missing if t.id in needed or plan.store.state(t.id) != "pruned"]
    early = len(plan.trials) - len(missing) - done

    def announce() -> None:
        if not plan.store.files.exclusive:
            say(f"{plan.store.root} has no conditional writes: one run at a time, or trials are trained twice")
        text = (
            f"{plan.study.name} at scale {plan.scale.scale}: {counted(len(plan.trials), 'trial')}, {done} done already"
        )
        say(text + (f", {early} stopped early" if early else ""))
        for item in plan.refused:
            say(f"not at this scale: {item.arm.name} ({item.refusal})")
        for line in [*plan.alike, *plan.cautions, *cautions(plan, how)]:
            say(line)

    if missing:
        return _train(plan, missing, how, announce, audience)
    announce()
    return Outcome(plan)


def train_resolving(asked: Resolving, how: How) -> Outcome:
    """Train in rounds, each an ordinary plan, until no comparison asks for more seeds.

    Returns:
        What came of the last round, or of the first in which trials failed.

    Raises:
        SpecError: as `train`, or if it goes with no looks.
    """
    for name, value in {"--fresh": how.fresh, "--early-stop": how.early_stop}.items():
        if value:
            raise SpecError(f"--resolve decides by the results that are there, all of them whole: leave out {name}")
    tried: set[str] = set()
    kept = Outcome(asked.plan)
    while True:
        now = asked.next_round(tried)
        if tried or not now.missing:
            asked.keep()
            say(told(now, asked.looks))
        if not now.missing:
            return _with_page(kept, how)  # whose level is what the looks leave
        plan = asked.plan_of(now)
        outcome = _round(plan, how)
        if outcome.ended is not None:
            return _with_page(outcome, how)
        tried |= {trial.id for trial in plan.trials}
        if not (kept.progress and kept.progress.failures):
            kept = outcome


def check(plan: Plan, how: How) -> None:
    """Refuse what cannot work before anything is written.

    Raises:
        SpecError: with the reason.
    """
    plan.store.files.require_writable()
    if how.executor == "inline":
        rays = {"--jobs": how.jobs not in (None, 1), "--address": how.address, "--device-type": how.device_type}
        for name, value in rays.items():
            if value:
                raise SpecError(f"--executor inline trains one trial at a time, here: leave out {name}, or use ray")
        if how.early_stop:
            raise SpecError("--early-stop compares trials that run at the same time: it needs --executor ray")
    elif plan.store.files.one_process:
        raise SpecError(f"{plan.store.root} lives in one process: Ray's workers would not see it; --executor inline")
    if how.device_type and not how.address and how.gpus == 0:
        raise SpecError(f"--device-type {how.device_type}: this machine has no GPU; --address names a cluster that has")
    if None not in (how.devices_per_trial, how.gpus_per_trial):
        raise SpecError("--devices-per-trial and --gpus-per-trial say the same: give one of them")
    asked = how.gpus_per_trial if how.devices_per_trial is None else how.devices_per_trial
    check_share(asked, how.device_option)
    missing = plan.missing
    for trial in missing:
        try:
            micro_batches(trial.recipe.batch_size, how.devices, how.micro_batch)
        except ValueError as error:
            raise SpecError(f"{plan.names[trial.id]}: {error}") from None
    if not how.address:
        check_devices(how.gpus, how.devices, how.cpus_per_trial, how.device_option)
        for data in dict.fromkeys(trial.data for trial in missing):
            if how.download:
                fetch(data, data_root(how.data_dir))
            require_data(data, how.data_dir)
        names = plan.names
        check_memory({names[trial.id]: trial.model for trial in missing}, trained=not how.gpus)
    if how.fresh:
        running = [plan.names[trial.id] for trial in plan.trials if plan.store.state(trial.id) == "running"]
        if running:
            raise SpecError(f"--fresh would take from a run what it trains now: {'; '.join(running)}; stop it first")
    for path, sha256 in plan.files.items():
        if not plan.store.has_file(path, sha256):
            raise SpecError(f"{path} is not the file that the study names: its SHA-256 is not {sha256}")


def _train(
    plan: Plan, missing: list[TrialSpec], how: How, announce: Callable[[], None], audience: Sequence[Tracker]
) -> Outcome:
    weights = {trial.id: length(trial) for trial in missing}
    options = options_of(how, len(missing))
    epochs = {trial.id: trial.recipe.epochs for trial in missing}
    with Progress(plan.names, missing, {i: w / epochs[i] for i, w in weights.items()}) as progress:
        baselines = {trial.id for arm, trial in plan.arms if arm.baseline}  # what the others are compared with
        groups = {trial.id: arm.group for arm, trial in reversed(plan.arms)}
        events = listening(plan, progress, audience)
        queue = Queue(plan.store, missing, weights, events, options.run, baselines, how.early_stop, groups)
        with events, interruptible(lambda text: progress.say(f"studies: {text}")) as stopping:
            try:
                _execute(plan, queue, options, how, stopping, announce)
            except RefusedError:
                raise
            except (StoppedError, RayDiedError, StoreError) as ended:
                return Outcome(plan, progress, ended)
    return Outcome(plan, progress)


def _execute(
    plan: Plan, queue: Queue, options: Options, how: How, stopping: threading.Event, announce: Callable[[], None]
) -> None:
    def begin(where: str) -> None:
        """Say and write down what is to be trained, when nothing can refuse the run any more."""
        prepare(plan.store)
        announce()
        say(f"training {counted(len(queue.trials), 'trial')}, {where}; store: {plan.store.root}")
        for path in filter(Path.is_file, plan.files):
            plan.store.keep_file(path.read_bytes())
        for trial_id in queue.trials if how.fresh else ():
            plan.store.forget(trial_id)
        for trial in plan.trials:  # those that are done too: others start from them, and a damaged record is mended
            plan.store.plan(trial)

    execute(plan.store, queue, options, how, stopping, len(queue.trials), begin)
