"""A table of the paper beside ours: costs at full size, and accuracies of a run at some scale."""

import pandas as pd

from reports import published
from reports.compare import full_size
from reports.render import Section, formatted, marked
from reports.statistics import over_seeds


def compared(number: int, counts: pd.DataFrame, results: pd.DataFrame | None) -> pd.DataFrame:
    """The paper's rows with our counts, notes and, where a run has them, our accuracies.

    Args:
        number: of the table.
        counts: group, model, params_m, macs_g at full size.
        results: a row a trial as `statistics.over_seeds` takes it, `arm` being the paper's `model`; None: no run.

    Returns:
        Columns of `compare.full_size`, then top1, top1_sd, n, delta, ci, verdict, run_params_k and run_macs_m (empty
        where nothing was trained).
    """
    rows = full_size(published.table(number), counts, published.notes(number))
    columns = ["top1", "top1_sd", "n", "delta", "ci", "verdict", "run_params_k", "run_macs_m"]
    if results is None or results.empty:
        return rows.reindex(columns=[*rows.columns, *columns])
    arms = over_seeds(results).rename(columns={"arm": "model"}).drop(columns="baseline")
    # A row that the paper quotes from elsewhere has no run of its own if the same model has a row that was trained.
    twin = rows.duplicated(["group", "model"], keep=False) & ~rows["own_schedule"]
    arms = rows.loc[~twin, ["group", "model"]].merge(arms, on=["group", "model"], how="left")
    rows.loc[~twin, columns] = arms[columns].set_axis(rows.index[~twin])
    return rows


def sections(number: int, rows: pd.DataFrame, scale: str, shows: str, refusals: dict[str, str]) -> list[Section]:
    """What is printed of `compared`: the table at full size and, after a run, the run's table.

    Args:
        number: of the table.
        rows: as `compared` gives them.
        scale: name of the run's scale.
        shows: what that scale can and cannot show, in a sentence or two.
        refusals: model and the reason why it cannot be had at that scale.
    """
    made = [_full_size(number, rows)]
    trained = rows[rows["n"].fillna(0) > 0]
    if not trained.empty:
        made.append(_run(number, trained, scale, shows, refusals))
    return made


def _full_size(number: int, rows: pd.DataFrame) -> Section:
    marks, notes = marked(rows)
    numbers = [
        "paper_top1",
        "paper_params_m",
        "params_m",
        "params_diff",
        "paper_macs_g",
        "macs_g",
        "macs_diff",
    ]
    frame = formatted(rows, ["group", "model", *numbers]).assign(marks=marks)
    frame["group"] = once(frame["group"])
    frame["model"] = [
        name + ("*" if own and name in set(rows["model"][~rows["own_schedule"]]) else "")
        for name, own in zip(rows["model"], rows["own_schedule"], strict=True)
    ]
    if any(name.endswith("*") for name in frame["model"]):
        notes.append("* the paper's own training of the model above it")
    return Section(f"Table {number} at full size, 224 x 224: the paper's figures and our counts", frame, notes)


def _run(number: int, rows: pd.DataFrame, scale: str, shows: str, refusals: dict[str, str]) -> Section:
    columns = [
        "group",
        "model",
        "paper_top1",
        "paper_delta",
        "n",
        "delta",
        "verdict",
        "run_params_k",
        "run_macs_m",
    ]
    frame = formatted(rows, columns)
    frame.insert(4, "accuracy", accuracies(rows))
    frame["group"] = once(frame["group"])
    remarks = [*verdict_remarks(), *([shows] if shows else [])]
    remarks += [f"No row for {model}: {why}." for model, why in refusals.items()]
    title = f"Table {number} as trained here, at scale {scale}: small models on small pictures, not ImageNet"
    return Section(title, frame, remarks)


def accuracies(rows: pd.DataFrame) -> list[str]:
    """Mean and standard deviation as text."""
    return [
        f"{mean:.1f}" + (f" \u00b1 {sd:.1f}" if sd == sd else "") if mean == mean else ""
        for mean, sd in zip(rows["top1"], rows["top1_sd"], strict=True)
    ]


def verdict_remarks() -> list[str]:
    """What the columns of a run's table mean."""
    return [
        "Top-1: mean \u00b1 standard deviation over seeds. \u0394: points above the group's baseline.",
        "Verdict: unresolved unless Welch's t-test over seeds (Holm within the group, 5 %) finds a difference.",
    ]


def once(names: pd.Series) -> list[str]:
    """Each name where it first stands, then blanks."""
    return [name if i == 0 or names.iloc[i - 1] != name else "" for i, name in enumerate(names)]
