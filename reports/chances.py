"""What chance has an interval to miss, or to find a difference; and how many seeds would find it.

Welch's interval misses the true difference more often than it says where few seeds meet unequal variances: at 99 % and
three seeds a side in up to 1.7 % of cases. How often is known exactly for each ratio of the variances (`missed`), so
that `surplus` says how many comparisons one must count as for a single one to miss at its worst as often as it should.
"""

from functools import cache, lru_cache
from math import exp, inf, nan, sqrt

import numpy as np
from scipy import special

from reports.root import root
from reports.welch import freedom_of, handful, normal, student

MOST_SEEDS = 1000  # that are thought of
POWER = 0.8
MOST_SURPLUS = 25.0  # its logarithm
SHARES = np.concatenate([edge := np.array([0.001, 0.003, 0.01, 0.02, 0.035]), np.linspace(0.05, 0.95, 19), 1 - edge])


def _on_unit_interval(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss and Legendre's nodes and weights."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    return (at + 1) / 2, weights / 2


_NODES, _WEIGHTS = _on_unit_interval(96)  # for one integral
_COARSE, _COARSE_WEIGHTS = _on_unit_interval(12)  # for one in another


@lru_cache(maxsize=4096)
def surplus(arm: int, base: int, level: float) -> float:
    """How many comparisons more one of so many seeds counts as, so that it misses at its worst with this chance.

    Welch's interval at level / (1 + surplus) misses the difference of two normal means with a chance of at most
    `level`, whatever the ratio of their variances. 0.22 for three seeds a side at 0.05, 0.02 for ten.
    """

    @cache  # the ends are asked for twice
    def excess(count: float) -> float:
        return float(missed(arm, base, level / exp(count)).max()) - level

    if excess(0) <= 0:
        return 0.0
    return exp(root(excess, 0, MOST_SURPLUS, 1e-5)) - 1 if excess(MOST_SURPLUS) < 0 else inf


def missed(arm: int, base: int, level: float, shares: np.ndarray = SHARES) -> np.ndarray:
    """Chance that Welch's interval misses, exactly, for each share that the arm has of the difference's variance.

    Given how the sum of squares divides between the arms, a Beta variable, the statistic is Student's t with all
    degrees of freedom and another scale: an integral over one variable.
    """
    a, b = arm - 1, base - 1
    part = _beta_nodes(a, b)
    of_arm, of_base = shares[:, None] * part / a, (1 - shares[:, None]) * (1 - part) / b
    limit = student(level, freedom_of(of_arm, of_base, arm, base))
    return 2 * special.stdtr(a + b, -limit * np.sqrt((a + b) * (of_arm + of_base))) @ _WEIGHTS


def power(
    arm_sd: float, base_sd: float, arm: int, base: int, difference: float, level: float, least: float = 0
) -> float:
    """Chance that the interval at a level leaves out 0, of normal accuracies that are so far apart.

    `least` is a standard error that the difference has beside that of the seeds.
    """
    u, v = _variances(arm), _variances(base)
    of_arm, of_base = np.broadcast_arrays(arm_sd**2 / arm * u[:, None], base_sd**2 / base * v[None, :])
    error = sqrt(arm_sd**2 / arm + base_sd**2 / base)
    limit = student(level, freedom_of(of_arm, of_base, arm, base)) * np.sqrt(of_arm + of_base)
    limit = np.hypot(limit, normal(level) * least)
    found = special.ndtr((difference - limit) / error) + special.ndtr((-limit - difference) / error)
    return float(_COARSE_WEIGHTS @ found @ _COARSE_WEIGHTS)


def seeds_needed(
    arm_sd: float, base_sd: float, difference: float, level: float, comparisons: int = 1, pictures: float | None = None
) -> float:
    """Seeds a side that show a difference in `POWER` of cases, if these are the standard deviations.

    Args:
        arm_sd: between the seeds of the arm.
        base_sd: between those of its baseline.
        difference: to be shown, in points.
        level: chance of any false verdict among the comparisons.
        comparisons: of the group.
        pictures: that both are tested on, see `handful`.

    Returns:
        At least 2; infinity if `MOST_SEEDS` are not enough; NaN if neither has any spread.
    """
    if not arm_sd + base_sd > 0:
        return nan
    least = handful(difference, pictures)

    def shows(n: int, more: float) -> bool:
        return power(arm_sd, base_sd, n, n, difference, level / (comparisons + more), least) >= POWER

    def enough(n: int) -> bool:
        return shows(n, 0) and shows(n, surplus(n, n, level))  # a surplus takes time, and shows no more than none

    if not enough(MOST_SEEDS):
        return inf
    least_n = (normal(level / comparisons) + special.ndtri(POWER)) ** 2 * (arm_sd**2 + base_sd**2) / difference**2
    high = max(2, min(int(least_n), MOST_SEEDS))  # what known deviations would ask for: somewhat fewer
    low, step = 1, 1
    while not enough(high):
        low, high, step = high, min(high + step, MOST_SEEDS), 2 * step
    while high - low > 1:
        middle = (low + high) // 2 if low > 1 else high - 1
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@lru_cache
def _beta_nodes(a: int, b: int) -> np.ndarray:
    return special.betaincinv(a / 2, b / 2, _NODES)


@lru_cache
def _variances(n: int) -> np.ndarray:
    """Quantiles of the variance of so many seeds, over the true one."""
    return 2 * special.gammaincinv((n - 1) / 2, _COARSE) / (n - 1)
