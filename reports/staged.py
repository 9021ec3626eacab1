"""The looks of `looks.py` at made-up studies: how often their verdicts are false, and how many seeds they take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.chances import surplus
from reports.looks import Looks
from reports.statistics import least_variance
from reports.welch import half_width


@dataclass(frozen=True)
class Staged:
    """What came of so many studies; arrays (studies, arms), `seeds` with the baseline first.

    Attributes:
        seeds: that each arm was given.
        found: whether it is higher or lower at the end.
        ever: whether it was at any look.
        smaller: whether it was shown to be smaller than the size at the end.
    """

    seeds: np.ndarray
    found: np.ndarray
    ever: np.ndarray
    smaller: np.ndarray


def staged(deviations: Sequence[float], differences: Sequence[float], looks: Looks, accuracies: np.ndarray) -> Staged:
    """Look at studies of one group, as `looks.next_round` does.

    Args:
        deviations: between the seeds of the baseline, then of each arm.
        differences: of each arm from the baseline.
        looks: as planned.
        accuracies: standard normal (studies, arms and the baseline first, `looks.most`).
    """
    values = accuracies * np.array(deviations)[:, None] + np.array([0.0, *differences])[:, None]
    totals, squares = values.cumsum(2), (values**2).cumsum(2)
    studies, arms = values.shape[:2]
    n, n_base = looks.stages[0]
    seeds = np.full((studies, arms), n)
    seeds[:, 0] = n_base
    ever = np.zeros((studies, arms - 1), bool)
    for n, n_base in [*looks.stages[1:], (0, 0)]:
        at = seeds[:, :, None] - 1
        mean = np.take_along_axis(totals, at, 2)[:, :, 0] / seeds
        variance = (np.take_along_axis(squares, at, 2)[:, :, 0] - seeds * mean**2) / (seeds - 1)
        least = least_variance(variance[:, 1:])
        delta = np.abs(mean[:, 1:] - mean[:, :1])
        alone = looks.level / (arms - 1 + _surplus(seeds[:, 1:], seeds[:, :1], looks.level))
        ci = half_width(seeds[:, 1:], variance[:, 1:], seeds[:, :1], variance[:, :1], alone, least[:, None])
        found, smaller = delta > ci, delta + ci <= looks.size
        ever |= found
        open_ = ~found & ~smaller
        if n:
            seeds[:, 1:] = np.where(open_, n, seeds[:, 1:])
            seeds[:, 0] = np.where(open_.any(1), n_base, seeds[:, 0])
    return Staged(seeds, found, ever, smaller & ~found)


def _surplus(arm: np.ndarray, base: np.ndarray, level: float) -> np.ndarray:
    """`chances.surplus` of arrays."""
    pairs, where = np.unique(np.stack(np.broadcast_arrays(arm, base), -1).reshape(-1, 2), axis=0, return_inverse=True)
    return np.array([surplus(int(a), int(b), level) for a, b in pairs])[where.ravel()].reshape(arm.shape)
