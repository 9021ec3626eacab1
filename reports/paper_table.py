"""A table of the paper beside ours: costs at full size, and accuracies of a run at some scale."""

import pandas as pd

from reports import published
from reports.compare import full_size
from reports.render import Section, formatted, marked
from reports.statistics import over_seeds

FULL_SIZE = (
    *("group", "model", "paper_structure", "structure", "paper_top1", "paper_cifar10", "paper_cifar100"),
    *("paper_params_m", "params_m", "params_diff", "paper_macs_g", "macs_g", "macs_diff"),
)
RUN = (
    *("group", "model", "paper_top1", "paper_imagenet", "paper_cifar10", "cifar10", "paper_cifar100", "cifar100"),
    *("paper_delta", "accuracy", "seeds", "delta", "verdict"),
    *("run_params_k", "run_macs_m"),
)
TRANSFERS = ("cifar10", "cifar100")  # data that a table of the paper has a column for
MEASURED = ["top1", "top1_sd", "n", "stopped", "failed", "delta", "ci", "verdict", "run_params_k", "run_macs_m"]


def compared(number: int, counts: pd.DataFrame, results: pd.DataFrame | None) -> pd.DataFrame:
    """The paper's rows with our counts, notes and, where a run has them, our accuracies.

    Args:
        number: of the table.
        counts: group, model, structure, params_m (trainable), macs_g at full size.
        results: a row a trial as `statistics.over_seeds` takes it, `arm` being the paper's `model`, and `data.kind`
            where it is known; None: no run.

    Returns:
        Columns of `compare.full_size`, then top1, top1_sd, n, stopped, failed, delta, ci, verdict, run_params_k,
        run_macs_m and data_kind (empty where nothing was trained).
    """
    paper = published.table(number)
    grouped = bool(paper["group"].any())
    rows = full_size(paper, counts if grouped else counts.assign(group=""), published.notes())
    if results is None or not results["status"].isin(["done", "pruned", "failed"]).any():
        return rows.reindex(columns=[*rows.columns, *MEASURED, "data_kind"])
    arms = over_seeds(results).rename(columns={"arm": "model"}).drop(columns="baseline")
    if not grouped:
        arms["group"] = ""
    # A row that the paper quotes from elsewhere has no run of its own if the same model has a row that was trained.
    twin = rows.duplicated(["group", "model"], keep=False) & ~rows["own_schedule"]
    arms = rows.loc[~twin, ["group", "model"]].merge(arms, on=["group", "model"], how="left")
    rows.loc[~twin, MEASURED] = arms[MEASURED].set_axis(rows.index[~twin])
    kinds = results.get("data.kind", pd.Series("", index=results.index)).groupby(results["arm"]).first()
    rows["data_kind"] = rows["model"].map(kinds).fillna("")
    return rows


def added(number: int, results: pd.DataFrame) -> pd.DataFrame:
    """The trials of arms that a study has beside those of the paper's table."""
    return results[~results["arm"].isin(published.table(number)["model"])]


def sections(number: int, rows: pd.DataFrame, scale: str, remarks: list[str]) -> list[Section]:
    """What is printed of `compared`: the table at full size and, after a run, the run's table.

    Args:
        number: of the table.
        rows: as `compared` gives them.
        scale: name of the run's scale.
        remarks: printed below the run's table.
    """
    made = [_full_size(number, rows)]
    trained = rows[rows[["n", "stopped", "failed"]].astype(float).sum(axis=1) > 0]
    if not trained.empty:
        made.append(_run(number, trained, scale, remarks))
    return made


def _full_size(number: int, rows: pd.DataFrame) -> Section:
    marks, notes = marked(rows)
    quoted = set(rows["model"][~rows["own_schedule"]])
    retrained = rows["own_schedule"] & rows["model"].isin(quoted)
    marked_names = rows["model"] + retrained.map({True: "*", False: ""})
    named = rows.assign(model=marked_names + rows["own_schedule"].map({True: "", False: "\u2020"}))
    structured = bool(rows["paper_structure"].any())
    frame = _table(named, FULL_SIZE if structured else tuple(name for name in FULL_SIZE if name != "structure"))
    if any(marks):
        frame["marks"] = marks
    if retrained.any():
        notes.append("* the same model in the paper's own training")
    if quoted:
        notes.append("\u2020 accuracy that the paper quotes: not trained with its scheme")
    notes.append("Params are those that are learned; diff. % is of the printed figure.")
    return Section(f"Table {number} at full size: the paper's figures and our counts", frame, notes)


def _run(number: int, rows: pd.DataFrame, scale: str, remarks: list[str]) -> Section:
    frame = _table(_beside_own_column(rows.assign(accuracy=accuracies(rows), seeds=seeds(rows))), RUN)
    title = f"Table {number} as trained here, at scale {scale}: small models on small pictures, not ImageNet"
    return Section(title, frame, [*verdict_remarks(rows), *_misprints(rows), *remarks])


def _beside_own_column(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of table 5 with accuracies on CIFAR beside the paper's; what was transferred to other data stays apart.

    What other tables have as top-1 is in this one ImageNet's, from which the paper transfers.
    """
    if rows["paper_cifar10"].isna().all():
        return rows
    rows = rows.rename(columns={"paper_top1": "paper_imagenet"})
    for kind in TRANSFERS:
        there = rows["data_kind"] == kind
        rows[kind] = rows["accuracy"].where(there, "")
        rows["accuracy"] = rows["accuracy"].mask(there, "")
    return rows


def _misprints(rows: pd.DataFrame) -> list[str]:
    """Differences that the paper prints otherwise than its own accuracies give."""
    base = rows[rows["baseline"]].set_index("group")["paper_top1"]
    own = rows["paper_top1"] - rows["group"].map(base)
    wrong = rows[(own - rows["paper_delta"]).abs() > 0.051]
    notes = []
    for model, right, printed in zip(wrong["model"], own[wrong.index], wrong["paper_delta"], strict=True):
        notes.append(f"The paper's accuracies give {right:+.1f} for {model}, where it prints {printed:+.1f}.")
    return notes


def _table(rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Those of the columns that have anything to print, formatted."""
    frame = formatted(rows, [name for name in columns if name in rows])
    frame = frame[[name for name in frame if (frame[name] != "").any()]].copy()
    if "group" in frame:
        frame["group"] = once(frame["group"])
    return frame


def accuracies(rows: pd.DataFrame) -> list[str]:
    """Mean and standard deviation as text."""
    return [
        f"{mean:.1f}" + (f" \u00b1 {sd:.1f}" if sd == sd else "") if mean == mean else ""
        for mean, sd in zip(rows["top1"], rows["top1_sd"], strict=True)
    ]


def seeds(rows: pd.DataFrame) -> list[str]:
    """How many seeds the accuracy is over, and how many were stopped early or failed, as text."""
    made = []
    for n, *others in zip(rows["n"], rows["stopped"], rows["failed"], strict=True):
        counts = [f"{count:.0f} {word}" for count, word in zip(others, ("stopped", "failed"), strict=True) if count > 0]
        made.append(f"{n:.0f}" + (f" ({', '.join(counts)})" if counts else ""))
    return made


def verdict_remarks(rows: pd.DataFrame) -> list[str]:
    """What the columns of a run's table mean."""
    early = [
        "Stopped early: accuracy is over the seeds that finished, which are the better ones; not compared. "
        "A run without --early-stop trains the others to the end."
    ]
    failed = ["Seeds failed: accuracy is over those that finished; not compared. The next run tries the others again."]
    return [
        "Top-1: mean \u00b1 standard deviation over seeds. \u0394: points above the group's baseline.",
        "Verdict: unresolved unless Welch's t-test over seeds (Holm within the group, 5 %) finds a difference.",
        *(early if (rows["stopped"] > 0).any() else []),
        *(failed if (rows["failed"] > 0).any() else []),
    ]


def once(names: pd.Series) -> list[str]:
    """Each name where it first stands, then blanks."""
    return [name if i == 0 or names.iloc[i - 1] != name else "" for i, name in enumerate(names)]
