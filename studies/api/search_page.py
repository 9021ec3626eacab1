"""A search as one HTML page: what it found, its front, the test of the best, and how it was done."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from reports.page import Page, Picture, html
from reports.render import Section
from searchspace.expand import SpecError
from studies.api.search_sections import checklist_section, pareto_section
from studies.reporting.tables import contents

if TYPE_CHECKING:
    from studies.api.search import SearchResult

TITLES = {"front": "Front", "parallel": "All candidates", "importance": "What accuracy depends on"}


def search_page(made: "SearchResult", figures: Mapping[str, Figure]) -> str:
    """The page of a search, as the text of a file; `figures` are those of `search_figures.figures_of`."""
    of, found = made.asked.definition, made.found
    states = {status: sum(one.status == status for one in found) for status in dict.fromkeys(o.status for o in found)}
    facts = [
        ("Space", of.space.name),
        ("Budget", str(of.budget)),
        ("Ranked at scale", of.scale.scale),
        ("Sampler", f"{of.sampler}, seed {of.seed}"),
        ("Objectives", " and ".join(of.objectives)),
        ("Candidates", ", ".join(f"{count} {status}" for status, count in states.items())),
    ]
    parts: list[Section | Picture] = [pareto_section(made)]
    parts += [Picture(TITLES[name], figure) for name, figure in figures.items() if name == "front"]
    if made.final is not None:
        parts += contents(made.final.study, made.final.scale, made.final.store).sections
    parts += [Picture(TITLES[name], figure) for name, figure in figures.items() if name != "front"]
    parts += [checklist_section(made)] if made.checklist else []
    best = [
        f"Candidate {one.number}: {one.top1:.1f} % on validation pictures, {one.params / 1e6:.3g} M params, "
        f"{one.macs / 1e9:.3g} G MACs."
        for one in made.front[:3]
        if one.top1 is not None
    ]
    lead = f"A search for models of {of.space.name} around {of.base}."
    problems = [f"{name}: {why}" for name, why in made.failures.items()]
    return html(Page(made.asked.name, lead, facts, best, parts, problems))


def write_page(made: "SearchResult", figures: Mapping[str, Figure], folder: Path) -> Path:
    """Write the page into a folder; where it is.

    Raises:
        SpecError: if it cannot be written.
    """
    path = folder / f"{made.asked.name}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(search_page(made, figures), encoding="utf-8")
    except OSError as error:
        raise SpecError(f"--export {folder}: {error.filename}: {error.strerror or error}") from None
    return path
