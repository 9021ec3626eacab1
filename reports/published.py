"""The paper's tables, as printed there. The only reader of `paper/`."""

from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).with_name("paper")
TABLES = range(1, 8)
NUMBERS = ["paper_top1", "paper_delta", "paper_cifar10", "paper_cifar100", "paper_params_m", "paper_macs_g"]
NAMES = {
    "ablation": "group",
    "top1": "paper_top1",
    "imagenet_top1": "paper_top1",
    "cifar10_top1": "paper_cifar10",
    "cifar100_top1": "paper_cifar100",
    "delta": "paper_delta",
    "params_m": "paper_params_m",
    "macs_g": "paper_macs_g",
}


def table(number: int) -> pd.DataFrame:
    """A table of the paper, a row a model, with the columns of every table.

    group, model, own_schedule, baseline, paper_structure, paper_top1, paper_delta, paper_cifar10, paper_cifar100
    (% and points), paper_params_m (millions), paper_macs_g (10^9 multiply-adds). Missing figures are NaN, missing
    texts are empty.

    Raises:
        ValueError: if the paper has no such table.
    """
    return _table(number).copy()


def notes() -> pd.DataFrame:
    """Why our count of a model differs from the paper's: model, column (`params` or `macs`), reason."""
    return pd.read_csv(FOLDER / "notes.csv")


@cache
def _table(number: int) -> pd.DataFrame:
    if number not in TABLES:
        raise ValueError(f"the paper has tables 1 to 7, got {number}")
    frame = pd.read_csv(FOLDER / f"table{number}.csv").rename(columns=NAMES)
    for column, default in (("group", ""), ("own_schedule", True), ("baseline", False)):
        if column not in frame:
            frame[column] = default
    frame["paper_structure"] = [_structure(row) for row in frame.to_dict("records")]
    return frame.reindex(columns=["group", "model", "own_schedule", "baseline", "paper_structure", *NUMBERS])


def _structure(row: dict) -> str:
    """Depth, width and MLP size as table 1 has them."""
    if "backbone_depth" not in row:
        return ""
    return f"{row['backbone_depth']} x {row['backbone_hidden_dim']}, MLP {row['backbone_mlp_size']}"
