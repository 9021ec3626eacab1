"""Names of the scores of models that are not trained (see `studies.ranking`). No torch here."""

from collections.abc import Sequence

from searchspace.expand import SpecError, nearest

BASELINES = ("params", "macs")  # what every other score has to beat
NAMES = (*BASELINES, "synflow", "naswot", "grad_norm", "dss")


def check_scores(names: Sequence[str]) -> None:
    """Refuse names of no score.

    Raises:
        SpecError: with the nearest.
    """
    for name in names:
        if name not in NAMES:
            raise SpecError(f"unknown score {name!r}{nearest(str(name), NAMES)}")
