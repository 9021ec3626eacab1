"""A study as one HTML page: what was found, tables, every trial, curves, differences, and where they come from."""

from collections.abc import Collection, Sequence

import pandas as pd

from reports.cells import POINTS
from reports.page import Page, Picture, html
from reports.render import Section
from reports.statistics import over_seeds
from reports.study_figures import curves, differences, draw_curves, draw_differences, draw_trials, trials
from studies.language.expansion import at_scale
from studies.language.study import Study
from studies.reporting.analyses import Analysis
from studies.reporting.frames import history
from studies.reporting.structures import misnamed
from studies.reporting.tables import contents, described
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

    Raises:
        SpecError: if the study has not the form that an analysis needs.
    """
    made = contents(study, scale, store, seeds, analyses=analyses or None)
    frame = made.results
    findings = ["Nothing is trained yet." + (f" To train it: {command}" if command else "")]
    pictures = list[Picture]()
    if not made.untrained:
        unfit = misnamed(at_scale(study, scale))
        named = frame[[key not in unfit for key in zip(frame["group"], frame["arm"], strict=True)]]
        arms = over_seeds(named, made.level)
        findings = _findings(arms)
        pictures = _pictures(study, scale, store, seeds, named, arms)
    first, *others = reversed(made.sections)  # what was trained, before what it is compared with
    parts: list[Section | Picture] = [first, *made.analyses, *pictures, *others]
    return html(Page(study.name, study.question, facts(frame, scale, store), findings, parts, problems(frame), refresh))


def facts(frame: pd.DataFrame, scale: Scale, store: Store) -> list[tuple[str, str]]:
    """Where the numbers come from, of a row a trial: each fact a label and a text."""
    states = ", ".join(f"{count} {state}" for state, count in frame["status"].value_counts().items())
    done = frame[frame["status"] == "done"]
    columns = {"Device": "device", "Data": "data_fingerprint"}
    columns |= {name.removeprefix("version_"): name for name in map(str, done) if name.startswith("version_")}
    found = {label: sorted(set(done[name].dropna().astype(str)) - {""}) for label, name in columns.items()}
    known = [("Scale", described(scale)), ("Trials", states), ("Store", str(store.root))]
    return known + [(label, " and ".join(texts)) for label, texts in found.items() if texts]


def problems(frame: pd.DataFrame) -> list[str]:
    """The trials that failed and why, of a row a trial."""
    failed = frame[frame["status"] == "failed"]
    return [f"{row['arm']}, seed {row['seed']}: {row['reason']}" for row in failed.to_dict("records")]


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


def _pictures(
    study: Study,
    scale: Scale,
    store: Store,
    seeds: Sequence[int] | None,
    named: pd.DataFrame,
    arms: pd.DataFrame,
) -> list[Picture]:
    title = f"{study.name} at scale {scale.scale}"
    made = []
    points = trials(named)
    if not points.empty:
        figure, texts = draw_trials(points, title)
        remark = "Each point is a trial: its seed and id are shown where the pointer is on it."
        made.append(Picture("Every trial", figure, {"trials": texts}, remark))
    if not (rows := differences(arms)).empty:
        bases = {row["group"]: row["arm"] for row in arms[arms["baseline"].astype(bool)].to_dict("records")}
        made.append(Picture("Differences from the baseline", draw_differences(rows, bases, title)))
    lines = history(study, store.root, scale, seeds)
    if not lines.empty:
        made.append(Picture("Training curves", draw_curves(curves(lines), title)))
    return made
