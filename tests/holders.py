"""Leases that tests put into a store, and take."""

import json
import os
import time
from dataclasses import asdict, replace

from studies.store.files import Files
from studies.store.leases import Holder, Lease, acquire, born, host

T = "trial"


def put(files: Files, number: int = 1, trial_id: str = T, **changes: object) -> Holder:
    """The lease of another run: by default of this living process."""
    holder = replace(Holder("theirs", host(), os.getpid(), born(os.getpid()), time.time(), token="x"), **changes)
    files.write(f"trials/{trial_id}/lease.{number}.json", json.dumps(asdict(holder)).encode())
    return holder


def take(files: Files, run: str = "ours", **arguments: str) -> Lease:
    lease = acquire(files, T, run, **arguments)
    assert lease is not None
    return lease
