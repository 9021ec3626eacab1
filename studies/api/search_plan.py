"""What a search would train, and how long that would take, judged by a few of its candidates."""

import random
from dataclasses import dataclass
from statistics import mean
from typing import Any

from studies.api.search import journals
from studies.api.search_settings import Asked
from studies.api.wording import counted, duration
from studies.planning.estimate import STARTUP_SECONDS, TRIAL_SECONDS, estimate
from studies.planning.machine import default_gpus, default_jobs
from studies.searching.finals import presets_within
from studies.searching.journal import check_journal, journal_path
from studies.store.store import Store

SAMPLES = 5  # candidates by which the time of all is judged


@dataclass(frozen=True)
class SearchForecast:
    """What is ahead of a search.

    Attributes:
        candidates: how many each is to have, by the name of the search: itself, and the random one beside it.
        there: how many are in the journal.
        tested: models that are trained again at the end, the base among them.
        candidate_seconds: of training one candidate.
        devices: trainings at a time.
        basis: of these, in words.
    """

    asked: Asked
    candidates: dict[str, int]
    there: dict[str, int]
    tested: int
    candidate_seconds: float
    devices: int
    basis: str

    @property
    def trainings(self) -> int:
        """Trainings of the final test."""
        return self.tested * self.asked.settings.final_seeds

    @property
    def to_evaluate(self) -> int:
        """Candidates that are not in the journal."""
        return sum(max(0, count - self.there[name]) for name, count in self.candidates.items())

    @property
    def device_seconds(self) -> float:
        """Of all training; that of the test, on all training pictures, takes so much longer."""
        share = 1 - (self.asked.definition.scale.data.validation or 0)
        return self.candidate_seconds * (self.to_evaluate + self.trainings / share)

    @property
    def wall_seconds(self) -> float:
        """On the clock."""
        between = TRIAL_SECONDS * (self.to_evaluate + self.trainings)
        return STARTUP_SECONDS + (self.device_seconds + between) / self.devices

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "name": self.asked.name,
            "definition": self.asked.definition.plain(),
            "points": self.asked.definition.space.size(),
            "candidates": self.candidates,
            "in_journal": self.there,
            "tested": self.tested,
            "final_trainings": self.trainings,
            "candidate_seconds": self.candidate_seconds,
            "devices": self.devices,
            "device_seconds": self.device_seconds,
            "wall_seconds": self.wall_seconds,
            "basis": self.basis,
        }

    def __str__(self) -> str:
        of, (own, *others) = self.asked.definition, self.candidates.values()
        beside = f", and {others[0]} of a random search beside it" if others else ""
        size = "at full size" if of.budget_at == "full" else "as the scale shrinks them"
        there = sum(self.there.values())
        return "\n".join(
            (
                f"search {self.asked.name}: {of.sampler} over {' and '.join(of.objectives)}",
                f"space {of.space.name} around {of.base}: {of.space.size():,} points; {of.budget}, {size}",
                f"{counted(own, 'candidate')}{beside}, at scale {of.scale.scale}: {there} in the journal, "
                f"{self.to_evaluate} to evaluate",
                f"then a test of {self.tested} models with {self.asked.settings.final_seeds} seeds each: "
                f"{counted(self.trainings, 'training')}",
                f"about {duration(self.wall_seconds)} ({duration(self.device_seconds)} of training), {self.devices} at "
                f"a time; basis: {SAMPLES} random candidates, {self.basis}",
            )
        )


def search_forecast(what: Asked, store: Store, devices: int | None = None) -> SearchForecast:
    """What `studies search` would train; nothing is trained or written.

    Raises:
        SpecError: if the journal that is there is of another search.
    """
    settings, wanted = what.settings, journals(what)
    there = check_journal(journal_path(store.check(), what.name), wanted)
    rng = random.Random(0)
    drawn = [what.candidates.at(what.candidates.feasible.sample(rng)) for _ in range(SAMPLES)]
    trials = list({one.trial.id: one.trial for one in drawn if one}.values())
    guess = estimate(store, trials, trials, 1)
    presets = presets_within(what.candidates, settings.final_presets)
    tested = settings.top + len(wanted) + len(presets) if settings.top else 0  # `wanted`: the base, the best at random
    return SearchForecast(
        what,
        {name: max(settings.trials, there[name]) for name in wanted},
        there,
        tested,
        mean(guess.seconds.values()),
        devices or default_jobs(default_gpus()),
        guess.basis(trials),
    )
