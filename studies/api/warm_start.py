"""The score by which the first candidates of a search are chosen."""

from collections.abc import Sequence
from pathlib import Path

from searchspace.expand import SpecError
from searchspace.spec import ModelSpec
from studies.api.rank import PICTURES, first_batch
from studies.searching.warm_start import Score
from studies.trials.scale import Scale
from studies.trials.scores import check_scores


def score_of(name: str, sampler: str, scale: Scale, seed: int, data_dir: str | Path | None) -> Score:
    """A score, as a function of models at a scale; data is read when it is first called.

    Args:
        name: of `studies.trials.scores.NAMES`.
        sampler: of the search.
        scale: whose training pictures the score sees; those that are held out it does not.
        seed: of the initial weights and of the pictures.
        data_dir: folder of data sets that are read from files; none: $STUDIES_DATA.

    Raises:
        SpecError: for an unknown name, or a sampler that does not learn from what it is given.
    """
    check_scores([name])
    if sampler == "random":
        raise SpecError("--warm-start is for a sampler that learns: with --sampler random leave it out")

    def score(models: Sequence[ModelSpec]) -> Sequence[float]:
        from studies.ranking.scores import scores

        batch = first_batch(scale, scale.data.validation, PICTURES, seed, data_dir)
        return scores(models, batch, seed, [name])[name].tolist()

    return score
