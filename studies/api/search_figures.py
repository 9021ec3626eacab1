"""The figures of a search, beside the study file of its Pareto set."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.cost.remembered import costs
from searchspace.expand import SpecError
from studies.language.expansion import full_size
from studies.searching.importance import importance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from studies.api.search import SearchResult

FORMATS = ("png", "pdf")


def figures_of(made: "SearchResult") -> "dict[str, Figure]":
    """What the candidates make: front, parallel coordinates, importance of knobs; none before one is done."""
    import pandas as pd

    from reports import search_figures as draw

    asked, frame = made.asked, made.frame
    own = frame[frame["search"] == asked.name] if not frame.empty else frame
    if frame.empty or own["top1"].notna().sum() == 0:
        return {}
    of = asked.definition
    macs: dict[str, float] = {}
    if made.final:
        models = full_size(made.final.study)
        macs = {arm.name: cost["macs"] for arm, cost in zip(made.final.study.arms, costs(models), strict=True)}
    points = draw.front_points(frame, made.results, macs)
    figures = {"front": draw.draw_front(points, asked.name, of.scale.scale)}
    known = {parameter.name: parameter.values for parameter in of.space.parameters()}
    labels = {name: draw.levels(own, name, values) for name, values in known.items()}
    figures["parallel"] = draw.draw_parallel(draw.parallel_points(own, known), labels, asked.name)
    if shares := importance(made.study, of.objectives.index("top1")):
        figures["importance"] = draw.draw_importance(pd.DataFrame(shares), asked.name)
    return figures


def write_figures(made: "SearchResult", figures: "Mapping[str, Figure]", folder: Path) -> list[Path]:
    """Write the candidates as csv, and the figures that they make.

    Returns:
        The paths of the first format.

    Raises:
        SpecError: if they cannot be written.
    """
    from reports.figures import save

    asked = made.asked
    if not figures:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made.frame.to_csv(folder / f"{asked.name}_candidates.csv", index=False)
        for name, figure in figures.items():
            for suffix in FORMATS:
                save(figure, folder / f"{asked.name}_{name}.{suffix}")
    except OSError as error:
        raise SpecError(f"--export {folder}: {error.filename}: {error.strerror or error}") from None
    return [folder / f"{asked.name}_{name}.{FORMATS[0]}" for name in figures]
