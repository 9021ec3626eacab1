"""What the paper claims beside what the store holds."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from reports import claims as reported
from reports.render import Section, as_csv, as_json, render
from studies.language.expansion import at_scale
from studies.language.study import Study
from studies.reporting.frames import results
from studies.reporting.provenance import facts, problems
from studies.reporting.structures import misnamed
from studies.reporting.tables import described, study_of_table
from studies.store.store import Store
from studies.trials.scale import Scale


def claims(scale: Scale, store: Store, seeds: Sequence[int] | None = None, style: str = "text") -> str:
    """The paper's claims, and whether what was trained at a scale bears them out, as text or a page."""
    trained, unfit = _trained(scale, store, seeds)
    judged = reported.judged(trained, unfit)
    if style in ("csv", "json"):
        return as_csv(judged) if style == "csv" else as_json(judged)
    made = reported.sections(judged, reported.agreement(trained, unfit), described(scale))
    untrained = (judged["verdict"] == reported.UNTRAINED).all()
    commands = " and ".join(f"studies run {study_of_table(n).name} --scale {scale.scale}" for n in reported.TABLES)
    if style == "html":
        from reports.page import Page, html  # which imports matplotlib

        found = [f"Nothing is trained yet. To train it: {commands}"] if untrained else reported.findings(judged)
        lead = "What the paper claims, and whether it holds in what was trained here."
        once = trained.drop_duplicates("trial")  # an arm may be in two tables
        return html(Page("Claims of the paper", lead, facts(once, scale, store), found, made, problems(once)))
    text = f"{render(made, style)}\n"
    if untrained and style == "text":
        text += f"Nothing is trained yet at scale {scale.scale} in the store {store.root}. To train it: {commands}\n"
    return text


def claims_of(
    study: Study, scale: Scale, store: Store, seeds: Sequence[int] | None, results: pd.DataFrame
) -> list[Section]:
    """The claims of the paper about a study's table, judged as among all of them; none about other studies.

    `results` is the frame of the study, which is not read again.
    """
    if study.table not in reported.TABLES:
        return []
    judged = reported.judged(*_trained(scale, store, seeds, {study.table: results}))
    (section, *_) = reported.sections(judged[judged["table"] == study.table], pd.DataFrame(), described(scale))
    return [section]


def _trained(
    scale: Scale, store: Store, seeds: Sequence[int] | None, known: Mapping[int, pd.DataFrame] = MappingProxyType({})
) -> tuple[pd.DataFrame, dict[tuple[str, str], str]]:
    """What was trained of all tables that claims are about, and why an arm is not what its name says.

    `known` has the frames of some tables already.
    """
    frames: list[pd.DataFrame] = []
    unfit: dict[tuple[str, str], str] = {}
    for number in reported.TABLES:
        study = study_of_table(number)
        frame = known[number] if number in known else results(study, store.root, scale, seeds)
        unfit |= misnamed(at_scale(study, scale))
        frames.append(frame.assign(table=number))
    return pd.concat(frames, ignore_index=True), unfit
