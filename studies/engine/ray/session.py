"""A Ray of our own on this machine, or a running one: silent, watched, and left at the end."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray

from searchspace.expand import SpecError
from studies.engine.cluster import Cluster, Watchdog, children, connected, kill
from studies.engine.events import RayDiedError

QUIET = {"PYTHONWARNINGS": "ignore"}  # in the environment of workers
LEFT = ("PYTHONBREAKPOINT", "RAY_AUTH_MODE")  # set by `ray.init`, and left: `breakpoint()` would ask Ray, which is gone


@contextmanager
def session(cluster: Cluster) -> Iterator[Watchdog]:
    """A Ray of our own on this machine, or a running one: silent, and left at the end.

    The one that this process is connected to already is used and stays as it is.
    """
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what fails, we say
    before = children()
    variables = {name: os.environ.get(name) for name in LEFT}
    theirs = connected()
    if theirs is None:
        _connect(cluster)
    elif theirs != cluster.address:
        where = f"this process is connected to the Ray at {theirs}, not at {cluster.address}"
        raise SpecError(f"{where}: `ray.shutdown()` leaves it")
    started = [] if cluster.address else [process for process in children() if process not in before]
    watch = Watchdog(lambda: any(node["Alive"] for node in ray.nodes()), started, cluster.silence)
    watch.start()
    died = False
    try:
        yield watch
    except RayDiedError:
        died = True
        kill(started)
        raise
    finally:
        watch.ended.set()
        if not (died or theirs):
            ray.shutdown()
            _set_variables(variables)


def _connect(cluster: Cluster) -> None:
    handlers = _handlers()
    settings: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "ERROR",
        "configure_logging": False,
    }
    if cluster.address:
        cluster.reachable()
        try:
            ray.init(address=cluster.address, runtime_env={"env_vars": QUIET}, **settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            text = " ".join(str(error).split())[:200]
            raise SpecError(f"no Ray cluster at --address {cluster.address}: {text}") from None
    else:
        # "local": never another cluster that happens to run here.
        with environment(QUIET):  # workers of a `runtime_env` are not those that Ray starts ahead: 1.5 s later
            ray.init(address="local", num_cpus=cluster.cores, include_dashboard=False, **settings)
    _set(handlers)  # Ray's own would end this process at SIGTERM, without a word


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for processes that are started within; those of this process are as before then."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _handlers() -> dict[signal.Signals, Any]:
    """What this process does at Ctrl-C and SIGTERM; nothing in a thread, which may set no handlers."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def _set(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None:
            signal.signal(number, handler)
