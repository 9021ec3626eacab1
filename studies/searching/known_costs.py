"""Which feasible candidate promises most, when its costs are known before it is trained and only accuracy is not.

A Gaussian process predicts the accuracy of candidates from their knobs and costs. The one is taken whose expected
improvement of the hypervolume is largest (Emmerich, Giannakoglou and Naujoks, "Single- and multiobjective evolutionary
optimization assisted by Gaussian random field metamodels", 2006). Its costs are no prediction here: with one cost the
improvement is exact for an accuracy that is given, and averaged over draws of accuracies. With several costs a weighted
sum of their logarithms stands for them, of weights that are drawn for each proposal (as in ParEGO; Knowles, 2006). With
none it is the expected improvement of the best accuracy.

Candidates that are being trained count as if they came to what is predicted, so that several at a time differ.
"""

import random
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

from searchspace.space import Point

if TYPE_CHECKING:
    from searchspace.feasible import Feasible
    from searchspace.space import Parameter
    from studies.searching.candidates import Candidates

POOL = 400  # candidates that are compared, where there are more
NEIGHBOURS = 200  # of them: one knob away from the best so far
MOST_LEARNT = 400  # candidates, the last ones, that the process learns from: its time grows with their cube
DRAWS = 32  # of the accuracies of the pool
COSTS = ("macs", "params")


class Evaluated(NamedTuple):
    """A candidate that was proposed: its point, its costs, and its accuracy in %; None while it is trained."""

    point: Point
    costs: Mapping[str, float]
    top1: float | None


def ranked(
    parameters: Sequence["Parameter"],
    candidates: "Candidates",
    evaluated: Sequence[Evaluated],
    costs: Sequence[str],
    rng: random.Random,
) -> list[Point]:
    """Feasible points that were not proposed, the most promising first; empty if none is left.

    Args:
        parameters: of the space.
        candidates: of the search.
        evaluated: what was proposed; at least one of them has an accuracy.
        costs: those of `COSTS` that are objectives beside the accuracy.
        rng: source of chance.
    """
    known = {_key(one.point) for one in evaluated}
    pool = _pool(candidates.feasible, evaluated, costs, known, rng)
    if not pool:
        return []
    done = [one for one in evaluated if one.top1 is not None][-MOST_LEARNT:]
    running = [one for one in evaluated if one.top1 is None]
    points = [one.point for one in (*done, *running)] + pool
    spent: list[Mapping[str, float]] = [one.costs for one in (*done, *running)]
    spent += candidates.figures(pool)
    x = _features(parameters, points, spent)
    accuracy = np.array([one.top1 for one in done], float)
    weights = _weights(len(costs), rng)
    cost = _cost(spent, costs, weights)
    seed = rng.getrandbits(32)
    with threadpool_limits(1):  # the same last digits whatever the cores, and fast for so few numbers
        draws = _drawn(x, accuracy, len(done) + len(running), seed)
    predicted = draws[: len(running)].mean(1)
    gain = improvement(
        np.concatenate([accuracy, predicted]),
        cost[: len(done) + len(running)],
        draws[len(running) :],
        cost[len(done) + len(running) :],
    )
    return [pool[i] for i in np.argsort(-gain, kind="stable")]


def improvement(accuracy: np.ndarray, cost: np.ndarray, draws: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """How much the hypervolume of accuracy and cost grows by each of some candidates, averaged over draws.

    Args:
        accuracy, cost: of what was evaluated, shape (n,).
        draws: accuracies of the candidates, shape (candidates, draws).
        costs: of the candidates, shape (candidates,).

    Returns:
        Shape (candidates,). Volumes reach down to the worst accuracy and up to the largest cost of all; where all cost
        the same they are heights.
    """
    everything = np.concatenate([cost, costs])
    width = float(everything.max() - everything.min())
    # A little beyond the largest cost, so that a better one at that cost is worth something.
    limit = everything.max() + (0.05 * width or 1.0)
    edges, levels = [-np.inf], [accuracy.min()]
    for i in np.lexsort((-accuracy, cost)):
        if accuracy[i] > levels[-1]:
            edges.append(cost[i])
            levels.append(accuracy[i])
    gain = np.zeros(draws.shape)
    for low, high, level in zip(edges, [*edges[1:], limit], levels, strict=True):
        length = np.clip(high - np.maximum(low, costs), 0, None)
        gain += length[:, None] * np.clip(draws - level, 0, None)
    return gain.mean(1)


def _key(point: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(point.items())


def _pool(
    feasible: "Feasible",
    evaluated: Sequence[Evaluated],
    costs: Sequence[str],
    known: set[frozenset[tuple[str, Any]]],
    rng: random.Random,
) -> list[Point]:
    """All feasible points that were not proposed, of a small space; of a large one some random ones, and neighbours."""
    if (points := feasible.counted()) is not None:
        return [point for point in points if _key(point) not in known]
    found: dict[frozenset[tuple[str, Any]], Point] = {}
    best = sorted((one for one in evaluated if one.top1 is not None), key=lambda one: -(one.top1 or 0.0))
    front: list[Point] = []
    least = float("inf")
    for one in best:  # of one cost it is the Pareto set
        spent = sum(float(one.costs[name]) for name in costs)
        if spent < least or not front:
            front.append(one.point)
            least = spent
    for i in range(NEIGHBOURS):
        point = feasible.neighbour(front[i % len(front)], rng)
        if point is not None:
            found.setdefault(_key(point), point)
    for _ in range(POOL - len(found)):
        point = feasible.sample(rng)
        found.setdefault(_key(point), point)
    return [point for key, point in found.items() if key not in known]


def _weights(count: int, rng: random.Random) -> np.ndarray:
    """Of the costs, uniform over those that sum to 1."""
    drawn = [rng.expovariate(1.0) for _ in range(count)]
    return np.array(drawn) / (sum(drawn) or 1.0)


def _cost(spent: Sequence[Mapping[str, float]], names: Sequence[str], weights: np.ndarray) -> np.ndarray:
    if not names:
        return np.zeros(len(spent))
    return np.log([[float(cost[name]) for name in names] for cost in spent]) @ weights


def _features(
    parameters: Sequence["Parameter"], points: Sequence[Point], spent: Sequence[Mapping[str, float]]
) -> np.ndarray:
    """A row a point: knobs that are numbers by their place, others by choice, and the logarithms of the costs."""
    columns = []
    for parameter in parameters:
        values = [point.get(parameter.name) for point in points]
        places = {value: i for i, value in enumerate(parameter.values)}
        if all(type(value) in (int, float) for value in parameter.values):
            last = max(1, len(places) - 1)
            columns.append([0.5 if value is None else places[value] / last for value in values])
            if None in values:
                columns.append([float(value is None) for value in values])
        else:
            columns += [[0.7 * (value == other) for value in values] for other in parameter.values]
    for name in COSTS:
        logs = np.log([float(cost[name]) for cost in spent])
        columns.append(list((logs - logs.min()) / (np.ptp(logs) or 1.0)))
    return np.array(columns, float).T


def _drawn(x: np.ndarray, accuracy: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws of the accuracies of the rows after those that are known, the running ones first."""
    mean, scale = accuracy.mean(), accuracy.std() or 1.0
    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(np.ones(x.shape[1]), (0.1, 20.0), nu=2.5)
    kernel += WhiteKernel(0.05, (1e-4, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a length is at its bound: so few candidates do not tell it
        process = GaussianProcessRegressor(kernel, random_state=0).fit(x[: len(accuracy)], (accuracy - mean) / scale)
        draws = process.sample_y(x[len(accuracy) :], DRAWS, random_state=seed % 2**32)
    return mean + scale * draws
