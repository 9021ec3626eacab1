"""Another rank than 0: trains a trial along, and keeps nothing. As a process: `python -m studies.engine.rank`."""

import json
import os
import sys
import threading

from studies.engine.events import reason
from studies.engine.options import Options
from studies.engine.team import Job
from studies.store.checkpoints import load_checkpoint
from studies.store.store import Store
from studies.training.devices import prepare_device
from studies.training.ranks import TIMEOUT, join, leave


def serve(job: Job) -> None:
    """Train a trial along, from the checkpoint that rank 0 names to its end.

    Raises:
        Exception: whatever the training raises; rank 0 hears of it.
    """
    import torch.distributed as dist

    from studies.engine.worker import device_for, make_trainer

    options = Options(**job.options)
    store = Store(job.root)
    meeting = dist.TCPStore(job.host, job.port, is_master=False, timeout=TIMEOUT)
    device = device_for(options)
    prepare_device(device)
    meeting.set(f"here/{job.rank}", "")
    ranks = join(meeting, job.rank, options.devices, device)
    try:
        trainer = make_trainer(store, store.trial(job.trial), device, options, ranks)
        step = int(meeting.get("step"))  # waits for it
        if step:
            state = load_checkpoint(store, job.trial, step)
            if state is None:
                raise RuntimeError(f"the checkpoint of step {step} cannot be read here: is {store.root} shared?")
            trainer.load_state_dict(state)
        while not trainer.done:
            trainer.train_epoch()
        trainer.source.close()
    finally:
        leave()


def main() -> int:
    """Serve the job on standard input; when that is closed, rank 0 has ended, and so does this."""
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_rank_0, daemon=True).start()
    try:
        serve(job)
    except BaseException as error:
        print(reason(error), flush=True)
        os._exit(1)  # threads of the backend may wait for those that are gone
    return 0


def _end_with_rank_0() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
