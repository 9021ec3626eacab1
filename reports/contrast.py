"""A weighted sum of the mean accuracies of independent arms: its value and its interval.

What `welch.Pair` is for one arm and its baseline, for any number of arms: with the weights 1 and -1 of two arms it is
the same. The degrees of freedom are those of Satterthwaite ("An approximate distribution of estimates of variance
components", 1946), which Welch took for a sum of k means ("The generalization of Student's problem when several
different population variances are involved", 1947), and the two floors are those of a pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, nan, sqrt

from reports.chances import surplus
from reports.welch import Sample, handful, normal, student


@dataclass(frozen=True)
class Contrast:
    """Weights, which sum to 0, and the samples that they are of; each sample once.

    Attributes:
        floor: least variance between seeds that any arm is taken to have.
        pictures: that all are tested on; none: unknown, and there is no floor for them.
    """

    terms: Sequence[tuple[float, Sample]]
    floor: float = 0.0
    pictures: float | None = None

    @property
    def value(self) -> float:
        """In points."""
        return sum(weight * one.mean for weight, one in self.terms)

    @property
    def known(self) -> bool:
        """Whether anything is known of the noise: two seeds of each arm, and some spread (see `Pair.known`)."""
        return all(one.n > 1 for _, one in self.terms) and any(one.variance > 0 for _, one in self.terms)

    @property
    def freedom(self) -> float:
        """Degrees of freedom, of the variances as they are."""
        parts = [(weight**2 * one.variance / one.n, one.n - 1) for weight, one in self.terms]
        return sum(part for part, _ in parts) ** 2 / sum(part**2 / freedom for part, freedom in parts)

    def surplus(self, level: float) -> float:
        """How many comparisons more it counts as, so that it misses with this chance (`chances.surplus`).

        Known exactly for two samples. Of more, the interval keeps its word worst where one of them has nearly all of
        the variance and the others, as one sample of all their degrees of freedom, have the rest.
        """
        if not self.known:
            return 0.0
        least, *others = sorted(one.n for _, one in self.terms)
        return surplus(least, 1 + sum(n - 1 for n in others), level)

    def half_width(self, level: float) -> float:
        """Of the interval that leaves out the true value with this chance; NaN if nothing is known.

        The floor for the pictures is that of a difference of two arms as large as this one (`welch.handful`): more than
        an average over several pairs must have, so that no verdict rests on a handful of pictures.
        """
        if not self.known:
            return nan
        error = sqrt(sum(weight**2 * max(one.variance, self.floor) / one.n for weight, one in self.terms))
        least = handful(self.value, self.pictures)
        return float(hypot(student(level, self.freedom) * error, normal(level) * least))
