"""Candidates that failed and are tried again: each attempt is a trial of the journal, and the last one counts."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState, create_trial

AGAIN = "again"  # attribute of a trial: the number of the failed one whose candidate it tries again


def counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The last attempt at each candidate."""
    repeated = {trial.user_attrs.get(AGAIN) for trial in trials}
    return [trial for trial in trials if trial.number not in repeated]


def attempt(failed: FrozenTrial) -> FrozenTrial:
    """Another attempt at the candidate of a trial that failed, to be added to the journal."""
    return create_trial(
        state=TrialState.RUNNING,
        params=failed.params,
        distributions=failed.distributions,
        system_attrs=failed.system_attrs,
        user_attrs=failed.user_attrs | {AGAIN: failed.number},
    )
