"""Two means of a few seeds: the interval of their difference, its p-value and its effect size.

The interval is Welch's (1947, unequal variances), and two floors are to it, neither of which makes it narrower: one for
the variance between seeds, which enters the standard error and not the degrees of freedom, and one for the error of a
finite test set (`handful`).

Accuracies and differences are in points (% of pictures), variances in points squared.
"""

from dataclasses import dataclass
from math import exp, hypot, isnan, log, nan, sqrt
from typing import Any

import numpy as np
from scipy import special

from reports.root import root

SMALLEST_P = 1e-100


@dataclass(frozen=True)
class Sample:
    """The accuracies of an arm over its seeds: how many, their mean and their variance (NaN for one)."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: list[float]) -> "Sample":
        """Of the accuracies; equal ones have no variance at all, whatever rounding says."""
        variance = nan if len(values) < 2 else 0.0 if len(set(values)) == 1 else float(np.var(values, ddof=1))
        return cls(len(values), float(np.mean(values)), variance)


@dataclass(frozen=True)
class Pair:
    """An arm and its baseline.

    Attributes:
        floor: least variance between seeds that either is taken to have.
        pictures: that both are tested on; none: unknown, and there is no floor for them.
    """

    arm: Sample
    base: Sample
    floor: float = 0.0
    pictures: float | None = None

    @property
    def difference(self) -> float:
        """Points that the arm is above its baseline."""
        return self.arm.mean - self.base.mean

    @property
    def known(self) -> bool:
        """Whether anything is known of the noise: two seeds a side, and some spread.

        Accuracies are whole numbers of pictures: that two seeds have the same number does not say that a third would.
        """
        return min(self.arm.n, self.base.n) > 1 and self.arm.variance + self.base.variance > 0

    @property
    def freedom(self) -> float:
        """Degrees of freedom (Welch and Satterthwaite), of the variances as they are."""
        arm, base = self.arm, self.base
        return float(freedom_of(arm.variance / arm.n, base.variance / base.n, arm.n, base.n))

    @property
    def least_error(self) -> float:
        """Standard error that a difference on so many pictures has at least, see `handful`."""
        return handful(self.difference, self.pictures)

    def half_width(self, level: float) -> float:
        """Of the interval of the difference that leaves out the true one with this chance; NaN if nothing is known."""
        if not self.known:
            return nan
        arm, base = self.arm, self.base
        return float(half_width(arm.n, arm.variance, base.n, base.variance, level, self.floor, self.least_error))

    def p_value(self) -> float:
        """Level at which `half_width` is the difference itself; NaN if nothing is known."""
        if not self.known:
            return nan
        found, least = abs(self.difference), self.least_error
        if self.half_width(SMALLEST_P) < found:
            return SMALLEST_P
        freedom = self.freedom
        error = _error(self.arm.n, self.arm.variance, self.base.n, self.base.variance, self.floor)

        def beyond(log_level: float) -> float:
            return hypot(student(exp(log_level), freedom) * error, normal(exp(log_level)) * least) - found

        return exp(root(beyond, log(SMALLEST_P), 0, 1e-9))

    def plain_p(self) -> float:
        """Of Welch's t-test, without any floor; NaN if nothing is known."""
        if not self.known:
            return nan
        error = sqrt(self.arm.variance / self.arm.n + self.base.variance / self.base.n)
        return float(2 * special.stdtr(self.freedom, -abs(self.difference) / error))

    def effect(self) -> float:
        """Hedges' g: the difference in standard deviations, the root of the mean of the two variances.

        With the correction for small samples, for unequal variances (Delacre, Lakens, Ley, Liu and Leys, "Why Hedges'
        g*s based on the non-pooled standard deviation should be reported with Welch's t-test", 2021). NaN if nothing is
        known, or there are too few seeds for the correction.
        """
        if not self.known:
            return nan
        a, b, n, k = self.arm.variance, self.base.variance, self.arm.n - 1, self.base.n - 1
        freedom = n * k * (a + b) ** 2 / (k * a**2 + n * b**2)
        if freedom <= 1.01:
            return nan
        correction = exp(special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2) - log(freedom / 2) / 2)
        return correction * self.difference / sqrt((a + b) / 2)


def half_width(
    arm_n: Any, arm_variance: Any, base_n: Any, base_variance: Any, level: Any, floor: Any = 0.0, least_error: Any = 0.0
) -> Any:
    """Half width of the interval of a difference of two means, of numbers or arrays.

    Args:
        arm_n: seeds of the arm.
        arm_variance: between them.
        base_n: seeds of its baseline.
        base_variance: between them; one of the variances is above 0.
        level: chance that the interval leaves out the true difference.
        floor: least variance that either is taken to have.
        least_error: standard error that the difference has beside that of the seeds.
    """
    freedom = freedom_of(arm_variance / arm_n, base_variance / base_n, arm_n, base_n)
    error = _error(arm_n, arm_variance, base_n, base_variance, floor)
    return np.hypot(student(level, freedom) * error, normal(level) * least_error)


def _error(arm_n: Any, arm_variance: Any, base_n: Any, base_variance: Any, floor: Any) -> Any:
    """Standard error of the difference over seeds."""
    return np.sqrt(np.maximum(arm_variance, floor) / arm_n + np.maximum(base_variance, floor) / base_n)


def handful(difference: float, pictures: float | None) -> float:
    """Least standard error of a difference of two accuracies on the same pictures, in points.

    What two models are told apart by are the pictures on which only one of them is right. At the least these are the
    difference itself, all of them won by the same model (McNemar, 1947): of k pictures sqrt(k), so that no verdict
    rests on a handful. How many more there are is not known, since predictions are not stored.
    """
    if pictures is None or isnan(pictures):
        return 0.0
    share = min(abs(difference) / 100, 1.0)
    return 100 * sqrt(share * (1 - share) / pictures)


def other_pictures(arm: float, base: float, pictures: float) -> float:
    """Most standard error of a difference of two accuracies (%) from the choice of pictures, in points.

    That of two binomials, as if each model had been tested on pictures of its own: models that are right on the same
    pictures have less.
    """
    return sqrt((arm * (100 - arm) + base * (100 - base)) / pictures)


def freedom_of(arm: Any, base: Any, n: int, k: int) -> Any:
    """Welch and Satterthwaite's, of variances of means."""
    return (arm + base) ** 2 / (arm**2 / (n - 1) + base**2 / (k - 1))


def student(level: Any, freedom: Any) -> Any:
    """What Student's t is beyond, on either side, with this chance."""
    return -special.stdtrit(freedom, level / 2)


def normal(level: Any) -> Any:
    """The same of a normal variable."""
    return -special.ndtri(level / 2)
