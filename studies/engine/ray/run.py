"""Train the trials of a queue under Ray Tune."""

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import ray
from ray import tune

from studies.engine.cluster import Cluster, Watchdog
from studies.engine.events import RayDiedError, StoppedError
from studies.engine.heart import ask_to_stop, take_back_stop
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.engine.ray.scheduling import WORKER_DEATHS, FromQueue, Judged, Relay, WithinGroups
from studies.engine.ray.session import session
from studies.engine.ray.trainable import StoredTrial
from studies.store.files import StoreError
from studies.store.store import Store

STOP_SECONDS = 60.0  # at least, for trials to finish their step and save


def run_ray(
    store: Store,
    queue: Queue,
    options: Options,
    cluster: Cluster,
    stopping: threading.Event,
    begin: Callable[[], None],
) -> None:
    """Train the trials of a queue, some at a time; `begin` is called when the cluster has what they ask for.

    Raises:
        SpecError: if the cluster does not have what one trial asks for.
        StoppedError: if it was asked to stop.
        StoreError: if the store cannot be written.
        RayDiedError: if Ray does not live any more; leave without `ray.shutdown`, which would wait for it.
    """
    with session(cluster) as watch, tempfile.TemporaryDirectory(prefix="studies-tune-") as scratch:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cluster = cluster.settled(nodes)
        cluster.check(nodes)
        begin()
        if stopping.is_set():
            raise StoppedError
        relay = Relay(store, queue, options.run)
        places = cluster.places(nodes)
        bundles = [cluster.resources() for _ in range(cluster.devices)]
        tuner = tune.Tuner(
            tune.with_resources(StoredTrial, tune.PlacementGroupFactory(bundles)),
            tune_config=tune.TuneConfig(
                search_alg=FromQueue(
                    queue,
                    lambda: cluster.most(places, len(relay.running)),
                    {"runs_dir": store.root, "options": asdict(options)},
                ),
                metric="top1",
                mode="max",
                num_samples=-1,
                scheduler=Judged(queue) if queue.judge else WithinGroups(cluster) if cluster.early_stop else None,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=WORKER_DEATHS),
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                callbacks=[relay],
            ),
        )
        _drive(tuner, store, queue, options, stopping, watch)
        if relay.broken:
            raise StoreError(relay.broken)


def _drive(
    tuner: Any, store: Store, queue: Queue, options: Options, stopping: threading.Event, watch: Watchdog
) -> None:
    """Run Tune in a thread; leave it when it has ended, was asked to stop, or Ray is dead."""
    raised: list[BaseException] = []

    def fit() -> None:
        try:
            tuner.fit()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=fit, name="Tune", daemon=True)
    thread.start()
    asked = 0.0
    limit = max(STOP_SECONDS, options.step_timeout)
    while thread.is_alive():
        thread.join(0.1)
        if why := watch.dead():
            raise RayDiedError(why)
        if stopping.is_set() and not asked:
            asked = time.monotonic()
            queue.close()
            ask_to_stop(store.files, options.run)
        if asked and time.monotonic() - asked > limit:
            raise RayDiedError(f"trials did not stop within {limit:g} s")
    if asked:
        take_back_stop(store.files, options.run)
        raise StoppedError
    if raised:
        raise raised[0]
