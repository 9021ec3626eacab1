"""How well scores of models rank them as their accuracies do: DataFrame in, DataFrame out."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

LEVEL = 0.95
RESAMPLES = 1000


def rank_correlations(
    models: pd.DataFrame,
    scores: Sequence[str],
    baselines: Sequence[str] = (),
    against: str = "top1",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """A row a score: score, n, spearman, kendall, and over the baseline `over`; each with `_low` and `_high`.

    Intervals are percentiles of the bootstrap over models, the same resamples for all scores (Efron 1979). `over` is
    Spearman's correlation less that of the baseline which has the highest here (NaN for that one): an interval above 0
    says that the score ranks better than it does. Kendall's is tau-b, so ties count as neither.

    Args:
        models: a row a model, with the scores and what they are compared with. Without that, a row is left out; a
            score that is no number (NaN) stands below all others.
        scores: columns.
        baselines: those of the scores that others have to beat.
        against: column.
        resamples: of the bootstrap.
        seed: of the resamples.

    Raises:
        ValueError: for fewer than 3 models.
    """
    known = models[models[against].notna()]
    if len(known) < 3:
        raise ValueError(f"a rank correlation needs at least 3 models, got {len(known)}")
    target = known[against].to_numpy(float)
    values = {name: known[name].fillna(-np.inf).to_numpy(float) for name in scores}
    drawn = np.random.default_rng(seed).integers(0, len(known), (resamples, len(known)))
    spearman = {name: _with_resamples(_spearman, column, target, drawn) for name, column in values.items()}
    kendall = {name: _with_resamples(_kendall, column, target, drawn) for name, column in values.items()}
    best = max((name for name in baselines if name in values), key=lambda name: spearman[name][0], default=None)
    rows = []
    for name in scores:
        over = spearman[name] - spearman[best] if best not in (None, name) else np.full(resamples + 1, np.nan)
        row: dict[str, object] = {"score": name, "n": len(known)}
        for figure, found in (("spearman", spearman[name]), ("kendall", kendall[name]), ("over", over)):
            row |= {figure: found[0]} | dict(
                zip((f"{figure}_low", f"{figure}_high"), _interval(found[1:]), strict=True)
            )
        rows.append(row)
    return pd.DataFrame(rows)


def _with_resamples(
    correlation: Callable[[np.ndarray, np.ndarray], float], column: np.ndarray, target: np.ndarray, drawn: np.ndarray
) -> np.ndarray:
    """The correlation over all models, then those over the resamples."""
    return np.array([correlation(column, target), *(correlation(column[rows], target[rows]) for rows in drawn)])


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    a, b = rankdata(first), rankdata(second)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else 0.0


def _kendall(first: np.ndarray, second: np.ndarray) -> float:
    found = float(kendalltau(rankdata(first), second).statistic)
    return 0.0 if np.isnan(found) else found


def _interval(found: np.ndarray) -> tuple[float, float]:
    if np.isnan(found).all():
        return float("nan"), float("nan")
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
