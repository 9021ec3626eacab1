"""A study as one HTML page: what was found, tables, every trial, curves, differences, and where they come from."""

from collections.abc import Collection, Sequence
from contextlib import suppress

import pandas as pd

from reports.cells import POINTS
from reports.page import Page, Picture, html
from reports.render import Section
from studies.language.study import Study
from studies.reporting.analyses import Analysis
from studies.reporting.asked import Asked
from studies.reporting.claims import claims_of
from studies.reporting.drawn import Drawn, NoRoomError, cost
from studies.reporting.provenance import facts, problems
from studies.reporting.tables import contents
from studies.store.store import Store
from studies.trials.scale import Scale


def page_of(
    study: Study,
    scale: Scale,
    store: Store,
    seeds: Sequence[int] | None = None,
    command: str = "",
    analyses: Collection[Analysis] = (),
    refresh: int = 0,
    more: Sequence[Picture] = (),
) -> str:
    """The page of a study at a scale, as the text of a file.

    Args:
        study: that it is of.
        scale: at which.
        store: that has the results.
        seeds: only these; default: all.
        command: that trains it, which is told where nothing is.
        analyses: below its table; default: those that fit the study's form.
        refresh: seconds until a browser loads it again, while a run goes on; 0: it does not.
        more: figures below those of the study.

    Raises:
        SpecError: if the study has not the form that an analysis needs.
    """
    made = contents(study, scale, store, seeds, analyses=analyses or None)
    frame = made.results
    findings = ["Nothing is trained yet." + (f" To train it: {command}" if command else "")]
    pictures = list[Picture]()
    if not made.untrained:
        drawn = Drawn(Asked(study, scale, store, seeds), made)
        findings, pictures = _findings(drawn.arms), _pictures(drawn)
    first, *others = reversed(made.sections)  # what was trained, before what it is compared with
    claimed = [] if made.untrained else claims_of(study, scale, store, seeds, frame)
    parts: list[Section | Picture] = [first, *made.analyses, *claimed, *pictures, *more, *others]
    return html(Page(study.name, study.question, facts(frame, scale, store), findings, parts, problems(frame), refresh))


def _findings(arms: pd.DataFrame) -> list[str]:
    """Verdicts as sentences, the largest difference first, and how many are open."""
    bases = {row["group"]: row["arm"] for row in arms[arms["baseline"].astype(bool)].to_dict("records")}
    found = arms[arms["verdict"].isin(["higher", "lower"])].sort_values("delta", key=abs, ascending=False)
    lines = [
        f"{row['arm']} is {row['verdict']} than {bases[row['group']]}: "
        f"{POINTS.text(row['delta'])} \u00b1 {row['ci']:.1f} points."
        for row in found.to_dict("records")
    ]
    open_ = int((arms["verdict"] == "unresolved").sum())
    if open_:
        lines.append(f"{open_} of {len(found) + open_} differences are unresolved.")
    return lines


def _pictures(drawn: Drawn) -> list[Picture]:
    """The figures that there is something for; those with a row an arm are left out where the arms are too many."""
    made = []
    if drawn.any_done:
        made.append(Picture("Accuracy against MACs", drawn.accuracy("macs")))
    with suppress(NoRoomError):
        if found := drawn.trials():
            remark = "Each point is a trial: its seed and id are shown where the pointer is on it."
            made.append(Picture("Every trial", found[0], {"trials": found[1]}, remark))
    with suppress(NoRoomError):
        if forest := drawn.forest():
            made.append(Picture("Differences from the baseline", forest))
    if curves := drawn.curves():
        made.append(Picture("Training curves", curves))
    with suppress(NoRoomError):
        made.append(Picture("Costs by part", cost(drawn.asked)))
    return made
