"""Kendall's tau-b between one ranking and many: of two columns of numbers, of means over seeds."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def tau_b(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b (Kendall 1945), which corrects for ties, of one ranking with each of others.

    `scipy.stats.kendalltau` does one at a time; two thousand resamples of it took most of the time of a report.

    Args:
        first: shape (n,).
        second: shape (..., n).

    Returns:
        Shape (...), in [-1, 1]; NaN where all values of a ranking are equal.
    """
    i, j = np.triu_indices(len(first), 1)
    a, b = np.sign(first[i] - first[j]), np.sign(second[..., i] - second[..., j])
    untied = (a * a).sum() * (b * b).sum(-1)
    return np.where(untied > 0, (a * b).sum(-1) / np.sqrt(np.where(untied > 0, untied, 1.0)), np.nan)


def over_seeds(printed: Sequence[float], ours: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """tau-b of printed accuracies with the means over seeds, and its 95 % interval by bootstrap over seeds.

    Args:
        printed: a value a model.
        ours: values by seed (n_seeds,) of each model; no interval (NaN) where one of them has a single seed.
    """
    paper = np.asarray(printed, float)
    tau = float(tau_b(paper, np.array([of.mean() for of in ours])))
    if min(map(len, ours)) < 2:
        return tau, np.nan, np.nan
    rng = np.random.default_rng(0)
    means = np.stack([rng.choice(of, (RESAMPLES, len(of))).mean(1) for of in ours], 1)
    low, high = np.nanpercentile(tau_b(paper, means), [2.5, 97.5])
    return tau, float(low), float(high)
