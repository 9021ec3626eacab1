"""What is in a space of models: how many, what they cost, which of them keep a budget."""

import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.budget import Budget, budget_of
from searchspace.cost.remembered import Figures
from searchspace.expand import SpecError
from searchspace.feasible import Feasible
from searchspace.shrink import shrink
from searchspace.space import Point, Space
from searchspace.spec import ModelSpec
from studies.api.wilson import interval
from studies.language.scale_file import load_scale
from studies.language.space_file import load_space
from studies.trials.scale import Scale

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SpaceFacts:
    """What a space is like.

    Attributes:
        space: itself.
        size: number of its points.
        samples: random points that the shares are of.
        models: share (%) of the points that make a model, with its 95 % interval.
        within: share (%) of those models that keep the budget, with its 95 % interval.
        extremes: by `cheapest` and `dearest` in MACs, within the budget: the point and its costs.
    """

    space: Space
    size: int
    samples: int
    models: tuple[float, list[float]]
    within: tuple[float, list[float]]
    extremes: dict[str, tuple[Point, Figures]]


def space_facts(
    space: str | Path | Space,
    *,
    scale: str | None = None,
    samples: int = 1000,
    seed: int = 0,
    **bounds: int | None,
) -> SpaceFacts:
    """The size of a space, the shares of its points that make a model and keep a budget, and its extremes.

    Args:
        space: name, path of a file, or a space.
        scale: costs are those of the models as it shrinks them; default: at full size.
        samples: random points that the shares are estimated by.
        seed: of these.
        bounds: `max_macs`, `min_macs`, `max_params`, `min_params`.

    Raises:
        SpecError: for bad input, and if no model keeps the budget.
    """
    within = feasible(space, scale, budget_of(**bounds))
    within.check()
    source = random.Random(seed)
    found = within.figures([within.space.draw(source) for _ in range(samples)])
    models = [cost for cost in found if cost is not None]
    kept = sum(within.budget.excess(cost) == 0 for cost in models)
    extremes = {name: within.extreme("macs", name == "dearest") for name in ("cheapest", "dearest")}
    shares = [_share(len(models), samples), _share(kept, len(models))]
    return SpaceFacts(within.space, within.space.size(), samples, shares[0], shares[1], extremes)


def space_stats(
    space: str | Path | Space,
    *,
    scale: str | None = None,
    samples: int = 1000,
    seed: int = 0,
    figure: str | Path | None = None,
    results: "pd.DataFrame | None" = None,
    **bounds: int | None,
) -> "pd.DataFrame":
    """Random models of a space within a budget: a row each, with its knobs, `macs`, `params` and `activations`.

    Args:
        space: name, path of a file, or a space.
        scale: costs are those of the models as it shrinks them; default: at full size.
        samples: how many models.
        seed: of these.
        figure: where to draw the distributions: .png, .pdf or .svg.
        results: of trained models, `macs`, `params` and `top1` (%), to be drawn too.
        bounds: `max_macs`, `min_macs`, `max_params`, `min_params`.

    Raises:
        SpecError: for bad input, and if no model keeps the budget.
    """
    import pandas as pd

    from studies.api.figures import figure_file

    path = figure_file(Path(figure)) if figure else None
    within, source = feasible(space, scale, budget_of(**bounds)), random.Random(seed)
    points = [within.sample(source) for _ in range(samples)]
    costs = within.figures(points)
    frame = pd.DataFrame([point | (cost or {}) for point, cost in zip(points, costs, strict=True)])
    if path:
        from reports.distribution import cost_distribution, draw_cost_distribution  # which import matplotlib
        from reports.figures import save

        try:
            save(draw_cost_distribution(cost_distribution(frame, results), within.space.name), path)
        except OSError as error:
            raise SpecError(f"cannot write {path}: {error.strerror}; choose another --figure") from None
    return frame


def feasible(space: str | Path | Space, scale: str | Scale | None, budget: Budget) -> Feasible:
    """The points of a space within a budget of the models at full size, or as a scale shrinks them."""
    loaded = space if isinstance(space, Space) else load_space(str(space))
    if scale is None:
        return Feasible(loaded, budget)
    return Feasible(loaded, budget, partial(smaller, scale if isinstance(scale, Scale) else load_scale(scale)))


def smaller(scale: Scale, model: ModelSpec) -> ModelSpec:
    """A model as a scale shrinks it.

    Raises:
        SpecError: if it cannot be had there.
    """
    data = scale.data
    return shrink(model, scale.shrink, data.img_size, data.in_chans, data.num_classes)


def _share(some: int, of: int) -> tuple[float, list[float]]:
    percent = 100 * some / of if of else 0.0
    return percent, interval(percent, of) if of else [0.0, 100.0]
