"""Scores of models that are not trained: each is larger for models that should do better."""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from searchspace.build import build
from searchspace.cost.remembered import costs
from searchspace.spec import ModelSpec
from studies.ranking.dss import dss
from studies.ranking.grad_norm import grad_norm
from studies.ranking.naswot import naswot
from studies.ranking.synflow import synflow
from studies.trials.scores import BASELINES, check_scores

if TYPE_CHECKING:
    import pandas as pd

Batch = tuple[torch.Tensor, torch.Tensor]
# A score takes a model that it may change, pictures (B, C, H, W) and labels (B,).
SCORES: dict[str, Callable[[nn.Module, torch.Tensor, torch.Tensor], float]] = {
    "synflow": synflow,
    "naswot": naswot,
    "grad_norm": grad_norm,
    "dss": dss,
}


def scores(
    models: Sequence[ModelSpec],
    batch: Batch,
    seed: int,
    names: Sequence[str],
    told: Callable[[int], None] = lambda count: None,
) -> "pd.DataFrame":
    """A row a model, a column a score.

    Models are in evaluation mode, so without dropout and stochastic depth. The random state stays as it is.

    Args:
        models: to be scored.
        batch: pictures and labels.
        seed: of the initial weights, for each model anew.
        names: of `studies.trials.scores.NAMES`.
        told: hears how many models are scored.

    Raises:
        SpecError: for an unknown name.
    """
    import pandas as pd

    check_scores(names)
    figures = costs(models)
    rows = []
    for i, spec in enumerate(models):
        row: dict[str, float] = {name: float(figures[i][name]) for name in names if name in BASELINES}
        if len(row) < len(names):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model = build(spec).to(batch[0].device).eval()
            row |= {name: SCORES[name](copy.deepcopy(model), *batch) for name in names if name in SCORES}
        rows.append(row)
        told(i + 1)
    return pd.DataFrame(rows, columns=list(names))
