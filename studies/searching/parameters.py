"""The parameters of a space as Optuna's distributions."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

if TYPE_CHECKING:
    from searchspace.space import Parameter


def distribution(values: Sequence[Any]) -> BaseDistribution:
    """Numbers at equal distances as a range, whose order a sampler can use; all else as choices."""
    if len(values) > 1 and all(type(value) in (int, float) for value in values):
        step = values[1] - values[0]
        even = all(abs(b - a - step) < 1e-9 * abs(step) for a, b in pairwise(values))
        if even and step > 0:
            whole = all(type(value) is int for value in values)
            return (IntDistribution if whole else FloatDistribution)(values[0], values[-1], step=step)
    return CategoricalDistribution(values)


def suggested(trial: Trial, name: str, distribution: BaseDistribution) -> Any:
    """What Optuna's sampler gives a trial."""
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, step=distribution.step)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, distribution.low, distribution.high, step=distribution.step)
    assert isinstance(distribution, CategoricalDistribution)
    return trial.suggest_categorical(name, distribution.choices)


def value_of(parameter: "Parameter", given: Any) -> Any:
    """The value of a parameter that Optuna means: of a range of floats the nearest, as Optuna adds up steps."""
    if isinstance(given, float):
        return min(parameter.values, key=lambda value: abs(float(value) - given))  # type: ignore[arg-type]
    return given


def point_of(parameters: Sequence["Parameter"], params: Mapping[str, Any]) -> dict[str, Any]:
    """The point that the parameters of an Optuna trial mean."""
    return {p.name: value_of(p, params[p.name]) for p in parameters if p.name in params}


def choose(parameters: Sequence["Parameter"], take: Callable[["Parameter"], Any]) -> dict[str, Any]:
    """A point: each parameter that applies is taken; those that its condition names stand before it."""
    point: dict[str, Any] = {}
    for parameter in parameters:
        if applies(parameter, point):
            point[parameter.name] = take(parameter)
    return point


def applies(parameter: "Parameter", point: Mapping[str, Any]) -> bool:
    """Whether a parameter has a meaning, given those that it depends on."""
    return all(point.get(name) in allowed for name, allowed in (parameter.when or {}).items())
