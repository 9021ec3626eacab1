"""A table of the paper beside ours: costs at full size, and accuracies of a run at some scale."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import pandas as pd

from reports import published
from reports.cells import accuracies, among_asked, differences, once, seeds, verdict_remarks
from reports.columns import COLUMNS
from reports.compare import full_size
from reports.render import Section, formatted, marked
from reports.statistics import ADDED, LEVEL, over_seeds

FULL_SIZE = (
    *("group", "model", "paper_top1", "paper_imagenet", "paper_delta", "paper_cifar10", "paper_cifar100"),
    *("paper_params_m", "params_m", "params_diff", "paper_macs_g", "macs_g", "macs_diff"),
)
STRUCTURE = ("group", "model", "paper_tokens", "tokens", "paper_structure", "structure")
RUN = (
    *("group", "model", "paper_top1", "paper_imagenet", "paper_cifar10", "cifar10", "paper_cifar100", "cifar100"),
    *("paper_delta", "accuracy", "seeds", "difference", "verdict"),
    *("run_params_k", "run_macs_m"),
)
TRANSFERS = ("cifar10", "cifar100")  # data that a table of the paper has a column for
MEASURED = [
    *("top1", "top1_sd", "top1_ci", "n", "stopped", "failed", "pictures", *ADDED, "verdict", "finding", "no_number"),
    *("run_params_k", "run_macs_m"),
]
TRAINED = ["done", "pruned", "failed"]


def compared(
    number: int,
    counts: pd.DataFrame,
    results: pd.DataFrame | None,
    misnamed: Mapping[tuple[str, str], str] = MappingProxyType({}),
    level: float = LEVEL,
) -> pd.DataFrame:
    """The paper's rows with our counts, notes and, where a run has them, our accuracies.

    Args:
        number: of the table.
        counts: group, model, tokens, structure, params_m (trainable), macs_g at full size.
        results: a row a trial as `statistics.over_seeds` takes it, `arm` being the paper's `model`, and `data.kind`
            where it is known; None: no run.
        misnamed: why an arm (group, name) is not what its name says at the run's scale.
        level: chance that any verdict of a group is noise.

    Returns:
        Columns of `compare.full_size`, then those of `statistics.over_seeds`, no_number (a text) and data_kind (empty
        where nothing was trained). A model that is not what its name says, or is one and the same as another of its
        group, has no number of its own beside the paper's, and is no comparison: no_number says why.
    """
    paper = published.table(number)
    grouped = bool(paper["group"].any())
    rows = full_size(paper, counts if grouped else counts.assign(group=""), published.notes())
    if results is None or not results["status"].isin(TRAINED).any():
        return rows.reindex(columns=[*rows.columns, *MEASURED, "data_kind"]).assign(no_number="")
    arms = _measured(results[results["arm"].isin(paper["model"])], misnamed, level)
    if not grouped:
        arms["group"] = ""
    # A row that the paper quotes from elsewhere has no run of its own if the same model has a row that was trained.
    twin = rows.duplicated(["group", "model"], keep=False) & ~rows["own_schedule"]
    arms = rows.loc[~twin, ["group", "model"]].merge(arms, on=["group", "model"], how="left")
    rows.loc[~twin, MEASURED] = arms[MEASURED].set_axis(rows.index[~twin])
    kinds = results.get("data.kind", pd.Series("", index=results.index)).groupby(results["arm"]).first()
    rows["data_kind"] = rows["model"].map(kinds).fillna("")
    return rows.assign(no_number=[text if text == text else "" for text in rows["no_number"]])


def _measured(results: pd.DataFrame, misnamed: Mapping[tuple[str, str], str], level: float) -> pd.DataFrame:
    """group, model and the columns `MEASURED` of all arms."""
    keys = pd.Series(list(zip(results["group"], results["arm"], strict=True)), index=results.index)
    unfit = keys.isin(misnamed)
    arms = over_seeds(results[~unfit], level).drop(columns="baseline")
    same = arms["same_as"] != ""
    arms["no_number"] = ("at this scale it is one and the same model as " + arms["same_as"]).where(same, "")
    arms.loc[same, [name for name in MEASURED if name not in ("verdict", "finding", "no_number")]] = float("nan")
    trained = keys[unfit & results["status"].isin(TRAINED)].unique()
    blank = [
        {
            "group": group,
            "arm": arm,
            "verdict": "not as named",
            "finding": "not as named",
            "no_number": misnamed[group, arm],
        }
        for group, arm in trained
    ]
    return pd.concat([arms, pd.DataFrame(blank)], ignore_index=True).rename(columns={"arm": "model"})


def added(number: int, results: pd.DataFrame) -> pd.DataFrame:
    """The trials of arms that a study has beside those of the paper's table."""
    return results[~results["arm"].isin(published.table(number)["model"])]


def sections(
    number: int,
    rows: pd.DataFrame,
    scale: str,
    remarks: list[str],
    asked: Collection[tuple[str, str]] | None = None,
) -> list[Section]:
    """What is printed of `compared`: the table at full size and, after a run, the run's table.

    Args:
        number: of the table.
        rows: as `compared` gives them.
        scale: name of the run's scale, and what of models and pictures it has: "digits: small models on ...".
        remarks: printed below the run's table.
        asked: arms (group, name): the run's table of these alone is printed, compared as they are in the table of all.
    """
    shown = (rows[["n", "stopped", "failed"]].astype(float).sum(axis=1) > 0) | (rows["no_number"] != "")
    if asked is not None:
        shown &= among_asked(rows["group"], rows["model"], asked)
        return [_run(number, rows, shown, scale, remarks)] if shown.any() else []
    made = [_full_size(number, rows)]
    if rows["paper_structure"].any():
        made.append(_structures(number, rows))
    if shown.any():
        made.append(_run(number, rows, shown, scale, remarks))
    return made


def _full_size(number: int, rows: pd.DataFrame) -> Section:
    marks, notes = marked(rows)
    names, legend = _named(rows)
    frame = _table(_of_imagenet(rows.assign(model=names, marks=marks)), (*FULL_SIZE, "marks"))
    notes += [*legend, "Params are those that are learned; diff. % is of the printed figure.", *_misprints(rows)]
    return Section(f"Table {number} at full size: the paper's figures and our counts", frame, notes)


def _structures(number: int, rows: pd.DataFrame) -> Section:
    rows = rows[rows["paper_structure"] != ""].drop_duplicates(["group", "model"])
    marks, notes = marked(rows, "slip")
    columns = [name for name in STRUCTURE if name != "tokens" or rows["paper_tokens"].any()]
    if rows["paper_structure"].str.endswith("layers").any():
        notes.append("CNNs: the paper's depth counts all layers with weights, ours are the blocks of each stage.")
    frame = _table(rows.assign(marks=marks), (*columns, "marks"))
    return Section(f"Table {number}, structures: the paper's and ours", frame, notes)


def _run(number: int, among: pd.DataFrame, shown: pd.Series, scale: str, remarks: list[str]) -> Section:
    rows = among[shown]
    names, legend = _named(rows)
    texts = {"accuracy": accuracies(rows), "seeds": seeds(rows), "difference": differences(rows)}
    title = f"Table {number} as trained here, at scale {scale}"
    frame = _table(_beside_own_column(rows.assign(model=names, **texts)), RUN)
    return Section(title, frame, [*legend, *verdict_remarks(rows, among), *remarks])


def _named(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """The models with the paper's asterisk, or a dagger, and what these say."""
    quoted = ~rows["own_schedule"]
    names = rows["model"] + rows["asterisk"].map({True: "*", False: ""}) + quoted.map({True: "\u2020", False: ""})
    legend = ["* a network of others, trained by the paper with its own scheme"] if rows["asterisk"].any() else []
    if quoted.any():
        legend.append("\u2020 accuracy that the paper quotes: not trained with its scheme")
    return names, legend


def _beside_own_column(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of table 5 with accuracies on CIFAR beside the paper's; what was transferred to other data stays apart."""
    if rows["paper_cifar10"].isna().all():
        return rows
    rows = _of_imagenet(rows)
    for kind in TRANSFERS:
        there = rows["data_kind"] == kind
        rows[kind] = rows["accuracy"].where(there, "")
        rows["accuracy"] = rows["accuracy"].mask(there, "")
    return rows


def _of_imagenet(rows: pd.DataFrame) -> pd.DataFrame:
    """What other tables have as top-1 is in table 5 ImageNet's, from which the paper transfers."""
    return rows if rows["paper_cifar10"].isna().all() else rows.rename(columns={"paper_top1": "paper_imagenet"})


def _misprints(rows: pd.DataFrame) -> list[str]:
    """Differences that the paper prints otherwise than its own accuracies give."""
    base = rows[rows["baseline"]].set_index("group")["paper_top1"]
    own = rows["paper_top1"] - rows["group"].map(base)
    wrong = rows[(own - rows["paper_delta"]).abs() > 0.051]
    text = COLUMNS["paper_delta"].text
    notes = []
    for model, right, printed in zip(wrong["model"], own[wrong.index], wrong["paper_delta"], strict=True):
        notes.append(f"The paper's accuracies give {text(right)} for {model}, where it prints {text(printed)}.")
    return notes


def _table(rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Those of the columns that have anything to print, formatted."""
    frame = formatted(rows, [name for name in columns if name in rows])
    frame = frame[[name for name in frame if (frame[name] != "").any()]].copy()
    if "group" in frame:
        frame["group"] = once(frame["group"])
    return frame
