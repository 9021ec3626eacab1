"""Which knobs the accuracy of candidates depends on."""

import statistics
import warnings
from collections.abc import Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

FORESTS = 5
FEWEST = 10  # candidates that are done


def importance(study: optuna.Study, objective: int = 0) -> list[dict[str, float | str]]:
    """For each knob its share of the variance of an objective: knob, mean, sd over forests that differ by their seed.

    By functional ANOVA over a random forest (Hutter, Hoos and Leyton-Brown, ICML 2014), as Optuna has it. Knobs that
    only some candidates have are left out, as are those of a single value.

    Args:
        study: of a search.
        objective: its place among the objectives.

    Returns:
        The knobs, the most important first; empty with fewer than ten candidates, or if all are equally accurate.
    """
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    if len(done) < FEWEST or len({trial.values[objective] for trial in done}) < 2:
        return []
    shares: dict[str, list[float]] = {}
    for seed in range(FORESTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = get_param_importances(
                study, evaluator=FanovaImportanceEvaluator(seed=seed), target=lambda trial: trial.values[objective]
            )
        for knob, share in found.items():
            shares.setdefault(knob, []).append(float(share))
    means = {knob: statistics.fmean(shares[knob]) for knob in _varied(done) & set(shares)}
    ordered = sorted(means, key=lambda knob: (-means[knob], knob))
    return [{"knob": knob, "mean": means[knob], "sd": statistics.pstdev(shares[knob])} for knob in ordered]


def _varied(done: Sequence[optuna.trial.FrozenTrial]) -> set[str]:
    """Knobs that have more than one value."""
    values: dict[str, set[object]] = {}
    for trial in done:
        for knob, value in trial.params.items():
            values.setdefault(knob, set()).add(value)
    return {knob for knob, found in values.items() if len(found) > 1}
