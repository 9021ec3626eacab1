"""Train the trials of a queue in this process, one after the other; no Ray."""

import threading

from studies.engine.events import LeaseLostError, StoppedError, reason
from studies.engine.options import Options
from studies.engine.queue import Queue
from studies.engine.worker import train
from studies.store.files import StoreError
from studies.store.store import Store


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
            for record in train(store, task.trial, options, stopping, task.dead_lease):
                queue.events.epoch(task.trial, record)
        except (StoppedError, StoreError):
            raise
        except LeaseLostError:
            queue.back(task.trial)
        except Exception as error:
            queue.failed(task.trial, reason(error))
        else:
            queue.done(task.trial)
