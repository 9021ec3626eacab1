"""The latency of candidates: measured once a model, and written down with the proposal, before anything uses it."""

from collections.abc import Iterable
from typing import Any

from searchspace.expand import SpecError
from studies.api.how import How
from studies.searching.candidates import Candidate
from studies.searching.definition import Definition
from studies.training.devices import default_device, device_name
from studies.training.latency import latency


class Latencies:
    """Measures candidates on the device that they are trained on, and remembers what a journal has.

    Measured is the model whose cost the budget bounds: the one of full size, or as the scale shrinks it.
    """

    def __init__(self, definition: Definition, how: How) -> None:
        self.at_full_size = definition.budget_at == "full"
        self.device = "cpu" if how.gpus == 0 else default_device()
        self.where = device_name(self.device)
        self.known: dict[Any, float] = {}

    def __call__(self, candidate: Candidate) -> dict[str, Any]:
        """What is written down of a candidate: its latency in ms, and where it was measured."""
        key = self._key(candidate.point, candidate.trial.id)
        if key not in self.known:
            model = candidate.model if self.at_full_size else candidate.trial.model
            self.known[key] = round(latency(model, self.device), 3)
        return {"latency": self.known[key], "latency_on": self.where}

    def take(self, candidates: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """What a journal has: the point of each candidate, and what was written down of it.

        Raises:
            SpecError: if one was measured elsewhere, which compares with nothing here.
        """
        for point, attributes in candidates:
            if (there := attributes["latency_on"]) != self.where:
                text = f"the latencies of this search are of {there}, and this is {self.where}"
                raise SpecError(f"{text}: --name begins another")
            self.known[self._key(point, attributes["trial"])] = attributes["latency"]

    def _key(self, point: dict[str, Any], trial_id: str) -> Any:
        return frozenset(point.items()) if self.at_full_size else trial_id
