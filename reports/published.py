"""The paper's tables, as printed there. The only reader of `paper/`."""

from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).with_name("paper")
TABLES = range(1, 8)


def table(number: int) -> pd.DataFrame:
    """A table of the paper, a row a model, with the columns of every table.

    group, model, own_schedule, baseline, paper_top1 and paper_delta (% and points), paper_params_m (millions),
    paper_macs_g (10^9 multiply-adds). Missing figures are NaN.

    Raises:
        ValueError: if the paper has no such table.
    """
    return _table(number).copy()


def notes(number: int) -> pd.DataFrame:
    """Why our count of a row differs from the paper's: group, model, column (`params` or `macs`), reason."""
    known = pd.read_csv(FOLDER / "notes.csv")
    return known[known["table"] == number].drop(columns="table").reset_index(drop=True)


@cache
def _table(number: int) -> pd.DataFrame:
    if number not in TABLES:
        raise ValueError(f"the paper has tables 1 to 7, got {number}")
    frame = pd.read_csv(FOLDER / f"table{number}.csv")
    names = {"ablation": "group", "top1": "paper_top1", "delta": "paper_delta"}
    names |= {"params_m": "paper_params_m", "macs_g": "paper_macs_g"}
    frame = frame.rename(columns=names)
    for column, default in (("group", ""), ("own_schedule", True), ("baseline", False)):
        if column not in frame:
            frame[column] = default
    numbers = ["paper_top1", "paper_delta", "paper_params_m", "paper_macs_g"]
    return frame.reindex(columns=["group", "model", "own_schedule", "baseline", *numbers])
