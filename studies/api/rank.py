"""How well scores of untrained models rank those that were trained."""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.expand import SpecError
from searchspace.space import Space
from searchspace.spec import ModelSpec
from studies.api.trained import Known, known
from studies.trials.scale import Scale
from studies.trials.scores import BASELINES, NAMES, check_scores

if TYPE_CHECKING:
    import pandas as pd

    from studies.ranking.scores import Batch

CLEAR_LINE = "\r\x1b[K"
PICTURES = 128  # as many as Mellor et al. take


@dataclass(frozen=True)
class Ranked:
    """Scores against accuracies.

    Attributes:
        of: which models.
        models: `space_results` of those that were scored, with a column a score.
        correlations: as `reports.correlation.rank_correlations` gives them.
    """

    of: Known
    models: "pd.DataFrame"
    correlations: "pd.DataFrame"

    @property
    def baseline(self) -> str:
        """The best of params and MACs here, with which the other scores are compared."""
        rows = self.correlations[self.correlations["score"].isin(BASELINES)]
        return str(rows.sort_values("spearman", ascending=False, kind="stable")["score"].iloc[0])


def space_rank(
    space: str | Path | Space,
    *,
    scale: str | Path | Scale = "digits",
    scores: Sequence[str] = NAMES,
    samples: int | None = None,
    pictures: int = PICTURES,
    seed: int = 0,
    runs_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    **bounds: int | None,
) -> Ranked:
    """Score the models of a space that were trained at a scale, and compare the ranks with those by accuracy.

    Args:
        space: name, path of a file, or a space.
        scale: name, path, or a scale.
        scores: names of `studies.trials.scores.NAMES`; params and MACs are the baseline.
        samples: how many of the models, drawn at random; default: all.
        pictures: of the training split that scores see.
        seed: of the initial weights, the pictures and the sample.
        runs_dir: the store; default: $STUDIES_RUNS_DIR, else ./runs.
        data_dir: folder of data sets that are read from files; default: $STUDIES_DATA.
        bounds: `max_macs`, `min_macs`, `max_params`, `min_params`, of models as the scale shrinks them.

    Raises:
        SpecError: for bad input, and if fewer than 3 models were trained.
        StoreError: if the store cannot be read.
    """
    from reports.correlation import rank_correlations

    check_scores(scores)
    of = known(space, scale, runs_dir, **bounds)
    if len(of.found) < 3:
        few = "" if not of.found else f"only {len(of.found)} of 3 that ranks need: "
        raise SpecError(few + of.nothing)
    count = len(of.found)
    chosen = sorted(random.Random(seed).sample(range(count), min(samples or count, count)))
    if len(chosen) < 3:
        raise SpecError(f"ranks need at least 3 models, got {len(chosen)}")
    batch = first_batch(of.scale, of.found[0].validation, pictures, seed, data_dir)
    frame = of.frame.iloc[chosen].reset_index(drop=True)
    found = scored([of.found[i].model for i in chosen], batch, seed, list(dict.fromkeys((*BASELINES, *scores))))
    frame = frame.assign(**{name: found[name] for name in found.columns})
    return Ranked(of, frame, rank_correlations(frame, list(found.columns), BASELINES))


def first_batch(
    scale: Scale, validation: float | None, pictures: int, seed: int, data_dir: str | Path | None
) -> "Batch":
    """The first pictures that training at a scale would see, none of those that are held out.

    Raises:
        SpecError: if the data is not there.
    """
    import torch

    from studies.training.data.access import DataAccess
    from studies.training.data.opened import open_data

    data = scale.data.model_copy(update={"validation": validation})
    access = DataAccess(root=None if data_dir is None else str(data_dir))
    with torch.random.fork_rng(devices=[]):
        source = open_data(data, torch.device("cpu"), access)
        try:
            recipe = scale.recipe.model_copy(update={"batch_size": pictures})
            return source.train_batch(recipe, seed, 0, 0)
        finally:
            source.close()


def scored(models: Sequence[ModelSpec], batch: "Batch", seed: int, names: Sequence[str]) -> "pd.DataFrame":
    """`studies.ranking.scores.scores`, with a line on a terminal that says how far it is."""
    from studies.ranking.scores import scores

    def told(count: int) -> None:
        print(f"{CLEAR_LINE}scoring model {count} of {len(models)} ...", end="", file=sys.stderr, flush=True)

    if not sys.stderr.isatty():
        return scores(models, batch, seed, names)
    try:
        return scores(models, batch, seed, names, told)
    finally:
        print(CLEAR_LINE, end="", file=sys.stderr, flush=True)
