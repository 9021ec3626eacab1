"""Which points of a space a store has trained at a scale: whatever study or search wanted them.

A trial says what its model was, not which point of which space. So the models of points are compared with those of
trials: of a small space all points, of a large one those that searches of it have proposed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from searchspace.expand import SpecError
from searchspace.identity import hashed
from searchspace.spec import ModelSpec
from studies.language.scale_file import for_preset
from studies.searching.candidates import Point, model_key, ranking_trial
from studies.store.errors import DamagedError, NewerError
from studies.store.store import Store
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    from searchspace.space import Space

COMPARED = 20_000  # points of a space that are all compared
Split = float | None  # share of the training pictures that is held out and measured on; none: the test pictures


@dataclass(frozen=True)
class Trained:
    """A point that a store has results of.

    Attributes:
        point: of the space; the first of those that are one model at the scale.
        model: at the scale.
        top1: accuracy (%), the mean over seeds.
        seeds: how many.
        validation: share of the training pictures that it was measured on; None: the test pictures.
    """

    point: Point
    model: ModelSpec
    top1: float
    seeds: int
    validation: Split


def trained_points(space: "Space", scale: Scale, store: Store) -> list[Trained]:
    """The points that were trained at a scale, by its data and recipe and from random weights.

    Accuracies on different pictures are not compared: of several splits, that which most models have is taken.

    Raises:
        SpecError: if the scale has no such models.
    """
    measured = _accuracies(space, scale, store)
    if not measured:
        return []
    known = {key for split in measured.values() for key in split}
    found: dict[str, tuple[Point, ModelSpec]] = {}
    for point in _points(space, store):
        try:
            model = ranking_trial(space.spec(point), space.base, scale, 0).model
        except SpecError:
            continue
        key = model_key(model)
        if key in known:
            found.setdefault(key, (point, model))
    counts = {split: sum(key in found for key in by_model) for split, by_model in measured.items()}
    split = max(counts, key=lambda split: (counts[split], split is not None))
    by_model = measured[split]
    return [
        Trained(*found[key], fmean(by_model[key].values()), len(by_model[key]), split)
        for key in found
        if key in by_model
    ]


def _points(space: "Space", store: Store) -> Iterable[Point]:
    if space.size() <= COMPARED:
        return space.points()
    from studies.searching.journal import proposed

    return proposed(store, space)


def _accuracies(space: "Space", scale: Scale, store: Store) -> dict[Split, dict[str, dict[int, float]]]:
    """The accuracy of each seed of each model, by split, of trials that a candidate might be."""
    wanted = _kind(ranking_trial(space.start, space.base, scale, 0))
    own = for_preset(scale, space.base)
    found: dict[Split, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for trial_id in store.ids():
        try:
            figures = store.figures(trial_id)
            trial = store.trial(trial_id) if figures else None
        except (DamagedError, NewerError):
            continue
        if figures and trial and _kind(trial) == wanted and trial.recipe == own.recipe_for(trial.model):
            found[trial.data.validation][model_key(trial.model)][trial.seed] = figures["top1"]
    return found


def _kind(trial: TrialSpec) -> dict[str, Any]:
    """What of a trial is the same for all candidates: all but model, seed, recipe (whose rates may go by the width of
    the model), and the pictures that it is measured on."""
    content = hashed(trial)
    del content["model"], content["seed"], content["recipe"]
    content["data"].pop("validation", None)
    return content
