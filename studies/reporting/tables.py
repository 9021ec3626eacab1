"""Tables: frames of the store and counts of the specs, given to `reports`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pandas as pd

from reports import paper_table, study_table
from reports.cells import among_asked
from reports.looks import Looks
from reports.render import Section, as_csv, as_json, render
from reports.statistics import LEVEL
from searchspace.cost.remembered import costs
from searchspace.expand import SpecError
from studies.language.catalog import names
from studies.language.expansion import at_scale, expand, full_size
from studies.language.likeness import same_trials
from studies.language.resolve import load_study
from studies.language.study import Key, Study
from studies.reporting.analyses import Analysis, fitting
from studies.reporting.analyses import asked as asked_analyses
from studies.reporting.frames import results
from studies.reporting.structures import misnamed, structure, tokens
from studies.store.looks import kept_looks
from studies.store.store import Store
from studies.trials.data import FolderSpec
from studies.trials.scale import Scale
from studies.trials.trial import SEMANTICS

SMALL = 64  # pixels: what has fewer a side is a small picture


def study_of_table(number: int) -> Study:
    """The study that reproduces a table of the paper.

    Raises:
        SpecError: if none does.
    """
    studies = {study.table: study for study in map(load_study, names()) if study.table}
    if number not in studies:
        known = ", ".join(str(n) for n in sorted(studies))
        raise SpecError(f"no study reproduces table {number}; there is one for table {known}")
    return studies[number]


def table(
    study: Study,
    scale: Scale,
    store: Store,
    seeds: Sequence[int] | None = None,
    style: str = "text",
    command: str = "",
    asked: Collection[Key] | None = None,
    analyses: Collection[Analysis] = (),
) -> str:
    """A study's table as text.

    `command` trains it: it is named below a table in which nothing is trained. With `asked` the run's table of these
    arms is all there is, compared as they are in the table of all. `analyses` stand below the table.

    Raises:
        SpecError: if the study has not the form that an analysis needs.
    """
    made = contents(study, scale, store, seeds, asked, analyses)
    text = made.rendered(style)
    if not made.untrained or style != "text":
        return text
    to_train = f" To train it: {command}" if command else ""
    return f"{text}Nothing is trained yet at scale {scale.scale} in the store {store.root}.{to_train}\n"


@dataclass(frozen=True)
class Contents:
    """What a report of a study has.

    Attributes:
        results: a row a trial.
        rows: what programs get: the results, or of a table of the paper its rows beside them.
        sections: for people.
        analyses: for people too, below these: the matrix of its parts, its effects.
        level: chance that any verdict of a group is noise.
        untrained: whether nothing is there to be shown.
    """

    results: pd.DataFrame
    rows: pd.DataFrame
    sections: list[Section]
    level: float
    untrained: bool
    analyses: list[Section] = field(default_factory=list)

    def rendered(self, style: str) -> str:
        """As text, Markdown, LaTeX, csv or json."""
        if style == "csv":
            return as_csv(self.rows)
        return f"{as_json(self.rows) if style == 'json' else render([*self.sections, *self.analyses], style)}\n"


def contents(
    study: Study,
    scale: Scale,
    store: Store,
    seeds: Sequence[int] | None = None,
    asked: Collection[Key] | None = None,
    analyses: Collection[Analysis] | None = (),
) -> Contents:
    """What the store has of a study at a scale, as tables; the sections of the arms that are asked for, or of all.

    With the analyses asked for; none: those that the study's form fits.

    Raises:
        SpecError: if the study has not the form that an analysis needs.
    """
    frame = results(study, store.root, scale, seeds)
    level, looked = looked_at(store, study, scale)
    below = (
        fitting(study, scale, frame, level)
        if analyses is None
        else asked_analyses(study, scale, frame, level, analyses)
    )
    if study.table is None:
        done = frame[frame["status"] == "done"]
        notes = looked + remarks(study, scale, done, asked)
        sections = [study_table.section(study.name, frame, scale.scale, notes, level, asked)]
        return Contents(frame, frame, sections, level, done.empty, below)
    trained = frame[frame["status"].isin(["done", "pruned", "failed"])]
    rows = paper_table.compared(study.table, counts(study), frame, misnamed(at_scale(study, scale)), level)
    rows["scale"] = scale.scale if not trained.empty else None
    notes = looked + remarks(study, scale, trained, asked)
    sections = paper_table.sections(study.table, rows, described(scale), notes, asked)
    more = paper_table.added(study.table, frame)
    wanted = among_asked(more["group"], more["arm"], asked)
    if (more.loc[wanted, "status"] == "done").any():
        title = f"Arms of {study.name} that table {study.table} of the paper has not"
        sections.append(study_table.section(title, more, scale.scale, [], level, asked))
    return Contents(frame, rows, sections, level, trained.empty)


def looked_at(store: Store, study: Study, scale: Scale) -> tuple[float, list[str]]:
    """The level of a table's verdicts, and why it is that: less where seeds were added after looks at the results."""
    kept = kept_looks(store, study.name, scale.scale)
    if kept is None:
        return LEVEL, []
    looks = Looks(**kept)
    count = len(looks.stages)
    return looks.level, [
        f"Seeds were added where differences were unresolved (--resolve {looks.size:g} --max-seeds {looks.most}): the "
        f"intervals hold with {100 * (1 - looks.level):g} %, so that with {count} looks at the results 95 % are left."
    ]


def counts(study: Study) -> pd.DataFrame:
    """group, model, tokens, structure, params_m (trainable) and macs_g of every arm at full size."""
    rows = []
    models = full_size(study)
    for arm, model, cost in zip(study.arms, models, costs(models), strict=True):
        figures = {"params_m": cost["trainable"] / 1e6, "macs_g": cost["macs"] / 1e9}
        texts = {"tokens": tokens(model), "structure": structure(model)}
        rows.append({"group": arm.group, "model": arm.name} | texts | figures)
    return pd.DataFrame(rows)


def is_of_the_paper(scale: Scale) -> bool:
    """Whether a scale has the paper's models at full size and its data, so that accuracies can be compared."""
    return _at_full_size(scale) and isinstance(scale.data, FolderSpec) and scale.data.name == "imagenet"


def _at_full_size(scale: Scale) -> bool:
    rule = scale.shrink
    return rule.width == rule.depth == rule.heads == 1


def described(scale: Scale) -> str:
    """A scale's name, and how its models and pictures are to those of the paper."""
    data = scale.data
    models = "models at full size" if _at_full_size(scale) else "small models"
    if isinstance(data, FolderSpec) and data.name == "imagenet":
        return f"{scale.scale}: {models} on ImageNet"
    small = "small " if data.img_size < SMALL else ""
    return f"{scale.scale}: {models} on {small}pictures, not ImageNet"


def of_trials(scale: Scale, trained: pd.DataFrame) -> list[str]:
    """What the scale can show; mixed versions, devices or data of what was trained."""
    notes = [scale.shows] if scale.shows else []
    if base := scale.lr_base_width:
        notes.append(
            f"Learning rates here are those of width {base}; a model of mean width w learns at {base} / w times them."
        )
    for column in trained.columns[trained.columns.str.startswith("version_")]:
        if trained[column].nunique() > 1:
            found = " and ".join(sorted(trained[column].dropna().unique()))
            notes.append(f"Trained with mixed versions of {column.removeprefix('version_')}: {found}.")
    if older := set(trained.get("version_training_loop", pd.Series(dtype=str)).dropna()) - {str(SEMANTICS)}:
        notes.append(
            f"Trained by version {' and '.join(sorted(older))} of the training loop, which is at {SEMANTICS} now and "
            "rounds otherwise; the next run trains these trials anew."
        )
    if trained["device"].nunique() > 1:
        notes.append(f"Trained on different devices: {', '.join(sorted(trained['device'].dropna().unique()))}.")
    if (data := trained["data_fingerprint"].replace("", None).dropna()).nunique() > 1:
        notes.append(f"Trained on different files of its data: fingerprints {', '.join(sorted(data.unique()))}.")
    return notes


def remarks(study: Study, scale: Scale, trained: pd.DataFrame, asked: Collection[Key] | None = None) -> list[str]:
    """What `of_trials` says; arms that have a stage of their own, or are one model, or none, at this scale."""
    arms = [arm for arm in study.arms if asked is None or arm.key in asked]
    shown = trained[among_asked(trained["group"], trained["arm"], asked)]
    notes = of_trials(scale, shown)
    notes += [study.remark] if study.remark else []
    for stage in filter(None, dict.fromkeys(arm.stage for arm in arms if arm.stage in scale.stages)):
        changes = ", ".join(f"{field} {value}" for field, value in scale.stages[stage].items())
        named = ", ".join(arm.name for arm in arms if arm.stage == stage)
        notes.append(f"At stage {stage} of this scale: {named}: {changes}.")
    notes += [
        f"Nothing to compare with in {arm.group or study.name}: its baseline {arm.name} is not trained."
        for arm in study.arms
        if arm.baseline and arm.group in set(shown["group"]) and arm.name not in set(trained["arm"])
    ]
    scaled = at_scale(study, scale)
    what = "No number for " if study.table else ""
    notes += [f"{what}{arm}: {why}." for (_, arm), why in misnamed(scaled).items() if arm in set(shown["arm"])]
    notes += [
        f"No row for {item.arm.name}: {item.refusal}." for item in scaled if item.model is None and item.arm in arms
    ]
    same = [list(dict.fromkeys(arm.name for arm in arms)) for arms in same_trials(expand(scaled, study.seeds[:1]).arms)]
    own = {arm.name for arm in arms}
    alike = [one for one in same if len(one) > 1 and own & set(one)]
    return [*notes, *(f"One and the same model at this scale: {', '.join(one)}." for one in alike)]
