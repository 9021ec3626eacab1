"""The one arm of a study that a figure is drawn of, at full size."""

from collections.abc import Callable, Sequence

from searchspace.expand import SpecError
from searchspace.spec import ModelSpec
from studies.language.expansion import full_size
from studies.language.study import Arm, Study


def one_arm(
    study: Study, only: Sequence[str], what: str, fits: Callable[[ModelSpec], bool] = lambda model: True
) -> tuple[Arm, ModelSpec]:
    """The arm that is named, with its model at full size; else a baseline that fits, else the first arm that does.

    Arms of optional groups come after all others.

    Args:
        study: itself.
        only: names and patterns; none: any arm.
        what: the figure, for errors.
        fits: whether the figure can be drawn of a model.

    Raises:
        SpecError: if several arms are named, or none that fits.
    """
    named = {arm.key for arm in (study.matching(only) if only else study.arms)}
    models = dict(zip((arm.key for arm in study.arms), full_size(study), strict=True))
    if only and len(named) > 1:
        names = ", ".join(arm.name for arm in study.arms if arm.key in named)
        raise SpecError(f"figure {what} is of one arm, and --only names {len(named)}: {names}")
    found = [arm for arm in study.arms if arm.key in named and fits(models[arm.key])]
    if not found:
        able = [arm.name for arm in study.arms if fits(models[arm.key])]
        of = f"{' '.join(only)} of {study.name}" if only else f"any arm of {study.name}"
        hint = f"; it can of {', '.join(able)}" if able else ""
        raise SpecError(f"figure {what} cannot be drawn of {of}{hint}")
    arm = min(found, key=lambda arm: (arm.optional, not arm.baseline))  # of those alike, the first
    return arm, models[arm.key]
