"""Train the trials of a queue as a user says: in this process, or under a Ray of our own or of a cluster."""

import threading
import uuid
from collections.abc import Callable

from searchspace.spec import CnnSpec
from studies.api.how import How
from studies.api.wording import say
from studies.engine.cluster import Cluster
from studies.engine.inline import run_inline
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.planning.estimate import STARTUP_SECONDS
from studies.planning.plan import Plan
from studies.store.files import StoreError
from studies.store.store import Store
from studies.training.data.root import data_root


class RefusedError(StoreError):
    """The store cannot be written, as the run finds before anything is trained."""


def prepare(store: Store) -> None:
    """Make a store ready to be written.

    Raises:
        RefusedError: if it cannot be.
    """
    try:
        store.prepare()
    except StoreError as error:
        raise RefusedError(str(error)) from None


def options_of(how: How, trials: int) -> Options:
    """What the workers of a run of so many trials must know of it."""
    return Options(
        run=uuid.uuid4().hex[:12],
        checkpoint_every=how.checkpoint_every,
        step_timeout=how.step_timeout,
        data_root=data_root(how.data_dir),
        devices=how.devices,
        micro_batch=how.micro_batch,
        compile=how.compile,
        on_cpu=how.gpus == 0,
        data_workers=how.readers(trials),
    )


def cautions(plan: Plan, how: How) -> list[str]:
    """What of a run's execution changes numbers all the same, as lines."""
    if how.micro_batch is None:
        return []
    networks = {arm.name: trial for arm, trial in plan.arms if isinstance(trial.model, CnnSpec)}
    names = [name for name, trial in networks.items() if trial.recipe.batch_size > how.micro_batch * how.devices]
    if not names:
        return []
    return [
        f"--micro-batch {how.micro_batch}: batch norms see so many pictures at a time and not the batch, which changes "
        f"the results of models that have them: {', '.join(names)}"
    ]


def execute(
    store: Store,
    queue: Queue,
    options: Options,
    how: How,
    stopping: threading.Event,
    trials: int,
    begin: Callable[[str], None],
) -> None:
    """Train the trials of a queue.

    Args:
        trials: how many it has, or will have.
        begin: called with where they are trained, in words, when nothing can refuse the run any more.

    Raises:
        SpecError: if the cluster has not what one trial asks for.
        StoppedError: if it was asked to stop.
        StoreError: if the store cannot be written.
        RayDiedError: if Ray does not live any more.
    """
    if how.executor == "inline":
        begin("in this process")
        run_inline(store, queue, options, stopping)
        return
    jobs = how.at_a_time(trials)
    cluster = Cluster(
        jobs=jobs,
        gpus_per_trial=how.gpus,
        cpus_per_trial=how.cpus_per_trial,
        address=how.address,
        device_type=how.device_type,
        early_stop=how.early_stop,
        grace_period=how.grace_period,
        reduction_factor=how.reduction_factor,
        silence=how.cluster_silence,
        devices=how.devices,
    )
    text = f"{jobs} at a time" if jobs else "as many at a time as the cluster takes"
    where = f" on the cluster at {how.address}" if how.address else ""
    if how.address:
        cluster.reachable()
    first = "reaching Ray, then starting" if how.address else "starting Ray, then"
    say(f"{first} workers that import torch: some {STARTUP_SECONDS:.0f} s until the first trial starts")
    from studies.engine.ray import run_ray  # which takes seconds

    run_ray(store, queue, options, cluster, stopping, lambda: begin(f"{text}, scheduled by Ray Tune{where}"))
