"""The first candidates of a search: the best by a score of untrained models, out of a pool of random feasible ones."""

import random
from collections.abc import Callable, Sequence
from functools import cached_property

from searchspace.spec import ModelSpec
from studies.searching.candidates import Candidate, Candidates

POOL = 10  # candidates that are scored, for each that is taken
TRIES = 20  # points that are drawn for each of the pool, before the feasible set is taken to be used up

Score = Callable[[Sequence[ModelSpec]], Sequence[float]]


class WarmStart:
    """A ranking of a pool, made when the first candidate is asked for; it depends on the seed alone.

    Args:
        candidates: of the search.
        score: of models at the scale: larger for those that should do better.
        count: how many of the first candidates it gives.
        seed: tells the pool of this search from others'.
    """

    def __init__(self, candidates: Candidates, score: Score, count: int, seed: str) -> None:
        self.candidates, self.score, self.count, self.seed = candidates, score, count, seed

    def best(self, taken: Callable[[Candidate], bool]) -> Candidate | None:
        """The best that was not proposed before; None if all were."""
        return next((candidate for candidate in self._ranked if not taken(candidate)), None)

    @cached_property
    def _ranked(self) -> list[Candidate]:
        """The pool, the best first; of equal scores the one that was drawn first."""
        rng = random.Random(f"{self.seed} warm start")
        pool: dict[str, Candidate] = {}  # by trial: what is one model at the scale is scored once
        for _ in range(TRIES * POOL * self.count):
            if len(pool) == POOL * self.count:
                break
            if found := self.candidates.at(self.candidates.feasible.sample(rng)):
                pool.setdefault(found.trial.id, found)
        drawn = list(pool.values())
        values = self.score([candidate.trial.model for candidate in drawn])
        ranks = sorted(range(len(drawn)), key=lambda i: (values[i] != values[i], -values[i]))
        return [drawn[i] for i in ranks]
