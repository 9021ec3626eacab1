"""Early stopping by successive halving (ASHA, arXiv 1810.05934): at each rung of epochs the worse candidates end.

The rungs are at `grace`, `grace * factor`, `grace * factor ** 2` ... epochs. A candidate that comes to one goes on if
its accuracy then is among the best 1/factor, rounded up, of those that have come to it so far. As the paper has it,
none waits for others: the first to come goes on. Unlike Ray's scheduler this one can be rebuilt from what was reported,
so that a search that was killed and goes on stops what it would have stopped.
"""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Halving:
    """How candidates are stopped early.

    Attributes:
        grace: epochs that every candidate is trained.
        factor: one in so many goes on beyond each rung.
    """

    grace: int
    factor: float

    def below(self, epochs: int) -> list[int]:
        """The rungs of a training of so many epochs; the last epoch is none."""
        found: dict[int, None] = {}
        rung = float(self.grace)
        while ceil(rung) < epochs:
            found[ceil(rung)] = None
            rung *= self.factor
        return list(found)


class Rungs:
    """The accuracies with which candidates came to each rung, and who goes on."""

    def __init__(self, halving: Halving, epochs: int) -> None:
        self.halving = halving
        self.at: dict[int, dict[str, float]] = {rung: {} for rung in halving.below(epochs)}

    def due(self, trial: str, epoch: int) -> int | None:
        """The rung at which a trial is judged after an epoch; None: it is not.

        A rung that was passed unseen, as a worker died over it, is judged at the next epoch.
        """
        rung = max((rung for rung in self.at if rung <= epoch), default=None)
        return rung if rung is not None and (rung == epoch or trial not in self.at[rung]) else None

    def take(self, trial: str, rung: int, top1: float) -> None:
        """An accuracy at a rung; of a trial that was there the first one counts."""
        if rung in self.at:
            self.at[rung].setdefault(trial, top1)

    def stops(self, trial: str, rung: int) -> bool:
        """Whether a trial that came to a rung ends there."""
        there = self.at[rung]
        kept = sorted(there.values(), reverse=True)[: ceil(len(there) / self.halving.factor)]
        return there[trial] < kept[-1]
