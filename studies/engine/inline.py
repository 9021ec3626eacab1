"""Train the trials of a queue in this process, one after the other; no Ray."""

import threading
from collections.abc import Iterable
from contextlib import closing

from studies.engine.events import LeaseLostError, StoppedError, reason
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.engine.worker import train
from studies.store.files import StoreError
from studies.store.store import Store
from studies.trials.results import EpochRecord


def run_inline(store: Store, queue: Queue, options: Options, stopping: threading.Event) -> None:
    """Train the trials of a queue in this process, one after the other.

    Raises:
        StoppedError: if it was asked to stop.
        StoreError: if the store cannot be written.
    """
    while not queue.finished:
        task = queue.next()
        if task is None:
            if stopping.wait(0.2):
                raise StoppedError
            continue
        queue.events.started(task.trial)
        try:
            with closing(train(store, task.trial, options, stopping, task.dead_lease)) as records:
                stopped = _follow(queue, task.trial, records)
        except (StoppedError, StoreError):
            raise
        except LeaseLostError:
            queue.back(task.trial)
        except Exception as error:
            queue.failed(task.trial, reason(error))
        else:
            if stopped is None:
                queue.done(task.trial)
            else:
                store.prune(task.trial, stopped["epoch"], stopped["top1"], options.run)
                queue.pruned(task.trial, stopped["epoch"])


def _follow(queue: Queue, trial_id: str, records: Iterable[EpochRecord]) -> EpochRecord | None:
    """Train a trial on to its end; or to the epoch that is returned, after which it is stopped early."""
    for record in records:
        queue.events.epoch(trial_id, record)
        if queue.judge and record["epoch"] < record["epochs"] and queue.judge(trial_id, record):
            return record
    return None
