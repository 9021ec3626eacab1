"""`studies report`: frames of the store and counts of the specs, given to `reports`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reports import paper_table, study_table
from reports.figures import accuracy_against_macs, draw_accuracy_against_macs, save
from reports.render import as_csv, as_json, render
from searchspace.expand import SpecError
from searchspace.spec import CnnSpec, ModelSpec, TransformerSpec
from studies.costs import costs
from studies.frames import results
from studies.load import load_study, names
from studies.scale import Scale, load_scale
from studies.store import Store
from studies.study import Study

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")


def main(arguments: argparse.Namespace) -> int:
    """Print a table."""
    if (arguments.table is None) == (arguments.study is None):
        raise SpecError("say which table: --table 6, or the name of a study")
    study = load_study(arguments.study) if arguments.study else study_of_table(arguments.table)
    scale = load_scale(arguments.scale or study.scale)
    figure = Path(arguments.figure) if arguments.figure else None
    if figure and study.table is None:
        raise SpecError(f"--figure draws a table of the paper beside ours, and {study.name} reproduces none")
    if figure and figure.suffix not in FIGURE_SUFFIXES:
        raise SpecError(f"a figure is written as {', '.join(FIGURE_SUFFIXES)}, got {figure.name!r}")
    print_study(study, scale, Store(arguments.runs_dir), arguments.seeds, arguments.format, figure)
    return 0


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


def print_study(
    study: Study,
    scale: Scale,
    store: Store,
    seeds: Sequence[int] | None = None,
    style: str = "text",
    figure: Path | None = None,
) -> None:
    """Print a study's table, and draw its figure after a run (into the store, or where asked)."""
    frame = results(study, store.root, scale, seeds)
    trained = frame[frame["status"].isin(["done", "pruned", "failed"])]
    if study.table is None:
        _print_own(study, scale, frame, style)
        return
    rows = paper_table.compared(study.table, counts(study), frame)
    rows["scale"] = scale.scale if not trained.empty else None
    if style == "csv":
        print(as_csv(rows), end="")
    elif style == "json":
        print(as_json(rows), end="")
    else:
        sections = paper_table.sections(study.table, rows, scale.scale, remarks(study, scale, trained))
        more = paper_table.added(study.table, frame)
        if (more["status"] == "done").any():
            sections.append(study_table.section(f"Arms of {study.name} that the paper has not", more, scale.scale, []))
        print(render(sections, style))
    if trained.empty:
        if figure:
            raise SpecError(f"no figure: nothing is trained yet of {study.name} at scale {scale.scale}")
        if style == "text":
            print(f"Nothing is trained yet. To train it: studies run {study.name}")
        return
    wanted = figure
    if figure is None and style == "text":
        folder = Path("figures") if "://" in store.root else Path(store.root, "figures")
        figure = folder / f"table{study.table}_{scale.scale}.png"
    if figure:
        try:
            save(draw_accuracy_against_macs(accuracy_against_macs(rows), scale.scale), figure)
        except OSError as error:
            problem = f"cannot write {figure}: {error.strerror}; name another with --figure"
            if wanted:
                raise SpecError(problem) from None
            print(f"studies: no figure: {problem}", file=sys.stderr)
        else:
            print(f"figure: {figure}", file=sys.stderr)


def counts(study: Study) -> pd.DataFrame:
    """group, model, structure, params_m (trainable) and macs_g of every arm at full size."""

    def on_count(i: int, n: int) -> None:
        if sys.stderr.isatty():
            print(f"\rcounting model {i} of {n} at full size ...", end="\n" if i == n else "", file=sys.stderr)

    rows = []
    for arm, cost in zip(study.arms, costs([arm.model for arm in study.arms], on_count), strict=True):
        figures = {"params_m": cost["trainable"] / 1e6, "macs_g": cost["macs"] / 1e9}
        rows.append({"group": arm.group, "model": arm.name, "structure": structure(arm.model)} | figures)
    return pd.DataFrame(rows)


def structure(model: ModelSpec) -> str:
    """Depth, width and MLP size of a transformer, as table 1 of the paper has them."""
    if isinstance(model, CnnSpec):
        return ""
    backbone = model.backbone
    return f"{backbone.depth} x {backbone.embed_dim}, MLP {int(backbone.embed_dim * backbone.mlp_ratio)}"


def remarks(study: Study, scale: Scale, trained: pd.DataFrame) -> list[str]:
    """What the scale can show; mixed versions; arms that are one model, or none, at this scale."""
    said = [scale.shows] if scale.shows else []
    for column in trained.columns[trained.columns.str.startswith("version_")]:
        if trained[column].nunique() > 1:
            found = " and ".join(sorted(trained[column].dropna().unique()))
            said.append(f"Trained with mixed versions of {column.removeprefix('version_')}: {found}.")
    if trained["device"].nunique() > 1:
        said.append(f"Trained on different devices: {', '.join(sorted(trained['device'].dropna().unique()))}.")
    said += [study.remark] if study.remark else []
    distilled = [
        arm.name
        for arm in study.arms
        if isinstance(arm.model, TransformerSpec) and arm.model.distilled and arm.teacher is None
    ]
    if distilled:
        said.append(f"Without a teacher here, so with two tokens but not distilled: {', '.join(distilled)}.")
    said += [
        f"Nothing to compare with in {arm.group or study.name}: its baseline {arm.name} is not trained."
        for arm in study.arms
        if arm.baseline and arm.group in set(trained["group"]) and arm.name not in set(trained["arm"])
    ]
    arms: dict[str, dict[str, None]] = {}
    for item in study.at(scale):
        if item.model is None:
            said.append(f"No row for {item.arm.name}: {item.refusal}.")
        else:
            key = f"{item.model.model_dump_json()} {item.arm.teacher} {item.arm.pretrained}"
            arms.setdefault(key, {})[item.arm.name] = None
    same = [", ".join(names) for names in arms.values() if len(names) > 1]
    return [*said, *(f"One and the same model at this scale: {names}." for names in same)]


def _print_own(study: Study, scale: Scale, frame: pd.DataFrame, style: str) -> None:
    trained = frame[frame["status"] == "done"]
    if style == "csv":
        print(as_csv(frame), end="")
    elif style == "json":
        print(as_json(frame), end="")
    else:
        print(render([study_table.section(study.name, frame, scale.scale, remarks(study, scale, trained))], style))
    if trained.empty and style == "text":
        print(f"Nothing is trained yet. To train it: studies run {study.name}")
