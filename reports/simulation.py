"""Made-up studies: how often verdicts are false, and how often they find what is there."""

from collections.abc import Sequence

import numpy as np

from reports.chances import surplus
from reports.statistics import LEVEL, least_variance
from reports.welch import half_width


def verdicts(
    deviations: Sequence[float],
    differences: Sequence[float],
    seeds: int,
    base_seeds: int,
    studies: int,
    random: np.random.Generator,
    floored: bool = True,
    corrected: bool = True,
    level: float = LEVEL,
) -> np.ndarray:
    """Whether each arm of so many studies is found to be higher or lower, as `statistics.against_baseline` finds it.

    Args:
        deviations: between the seeds of the baseline, then of each arm.
        differences: of each arm from the baseline.
        seeds: of each arm.
        base_seeds: of the baseline.
        studies: how many, each with normal accuracies of its own.
        random: draws them.
        floored: whether variances have their floor.
        corrected: with the surplus; without it and without the floor it is plain Welch with Bonferroni.
        level: chance that any verdict of a study is noise.

    Returns:
        Booleans (studies, arms).
    """
    sd, n = np.array(deviations, float), np.array([base_seeds] + [seeds] * len(differences))
    means = random.standard_normal((studies, len(n))) * sd / np.sqrt(n)
    means[:, 1:] += np.array(differences)
    variances = sd**2 * random.chisquare(n - 1, (studies, len(n))) / (n - 1)
    least = least_variance(variances[:, 1:])[:, None] if floored else 0.0
    alone = level / (len(differences) + (surplus(seeds, base_seeds, level) if corrected else 0))
    ci = half_width(seeds, variances[:, 1:], base_seeds, variances[:, :1], alone, least)
    return np.abs(means[:, 1:] - means[:, :1]) > ci
