"""What Tune trains: one trial of the store; and the processes beside it, where a trial is on several devices."""

from collections.abc import Iterator
from typing import Any

import ray
from ray import tune
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from studies.engine.events import LeaseLostError, StoppedError, TrialFailedError, reason
from studies.engine.options import Options
from studies.engine.team import Job
from studies.engine.worker import train
from studies.store.files import StoreError
from studies.store.store import Store
from studies.trials.results import EpochRecord


class StoredTrial(tune.Trainable):
    """One trial of the store in Tune's terms; a step is an epoch."""

    _records: Iterator[EpochRecord] = iter(())
    _may_stop = True

    def setup(self, config: dict[str, Any]) -> None:
        """Begin with a trial."""
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial; the worker stays."""
        self.cleanup()
        task, options = new_config["task"], Options(**new_config["options"])
        self._may_stop = task["may_stop"]
        self._records = train(
            Store(new_config["runs_dir"]), task["trial"], options, dead_lease=task["dead_lease"], launch=Actors()
        )
        return True

    def cleanup(self) -> None:
        """Let go of the trial, which Tune may have stopped early."""
        getattr(self._records, "close", lambda: None)()

    def step(self) -> dict[str, Any]:
        """Train an epoch, and say what came of it. A failure ends the trial, not the worker."""
        try:
            record = next(self._records, None)
        except LeaseLostError:
            return {"done": True, "outcome": "lease lost"}
        except StoppedError:
            return {"done": True, "outcome": "stopped"}
        except StoreError as error:
            return {"done": True, "outcome": "broken", "why": str(error)}
        except TrialFailedError as error:
            return {"done": True, "outcome": "failed", "why": str(error)}
        except Exception as error:
            return {"done": True, "outcome": "failed", "why": reason(error)}
        if record is None:
            return {"done": True, "outcome": "done"}
        last = record["epoch"] == record["epochs"]
        whole = [record]  # in a list, as Tune keeps averages for ever of each number that it finds by itself
        judged = {"top1": record["top1"]} if self._may_stop else {}  # ASHA passes over what has no figure
        return {"done": last, "outcome": "epoch", "record": whole, "epoch": record["epoch"], **judged}


@ray.remote(max_restarts=0)
class _Rank:
    """Another rank of a trial on several devices."""

    def serve(self, job: Job) -> None:
        """Train the trial along."""
        from studies.engine.rank import serve

        serve(job)


class Actors:
    """Starts other ranks as actors in the placement group of the trial; they end when the trial's own actor does."""

    def host(self) -> str:
        """Address of this node."""
        return ray.util.get_node_ip_address()

    def start(self, job: Job) -> "_Actor":
        """An actor, in the bundle of its rank."""
        group = ray.util.get_current_placement_group()
        bundle = dict(group.bundle_specs[job.rank])
        place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=job.rank)
        actor = _Rank.options(  # type: ignore[attr-defined]
            num_cpus=bundle.pop("CPU", 0), num_gpus=bundle.pop("GPU", 0), resources=bundle, scheduling_strategy=place
        ).remote()
        return _Actor(actor, actor.serve.remote(job))


class _Actor:
    def __init__(self, actor: Any, ending: Any) -> None:
        self.actor, self.ending = actor, ending

    def ended(self) -> str | None:
        if not ray.wait([self.ending], timeout=0)[0]:
            return None
        try:
            ray.get(self.ending)
        except ray.exceptions.RayTaskError as error:
            return reason(error.cause)
        except ray.exceptions.RayError:
            return ""
        return "done before rank 0 was"

    def end(self) -> None:
        ray.kill(self.actor)
