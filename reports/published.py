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

    group, model, own_schedule (false: the paper quotes the accuracy), asterisk (the paper's: a network of others that
    it trained itself), baseline, paper_tokens and paper_structure (texts made of the columns of table 1 and of table
    6), paper_top1, paper_delta, paper_cifar10, paper_cifar100 (% and points), paper_params_m (millions), paper_macs_g
    (10^9 multiply-adds). Missing figures are NaN, missing texts are empty.

    Raises:
        ValueError: if the paper has no such table.
    """
    return _table(number).copy()


def notes() -> pd.DataFrame:
    """Why our count of a model differs from the paper's: model, column (`params` or `macs`), reason, ours.

    `ours` lists each figure of ours that the reason quotes, and of what it is, as `studies cost` takes it:
    `0.01 macs of t2t_vit_12_distilled less t2t_vit_12; 1.77 macs of t2t_vit_12`. A test counts them again.
    """
    return pd.read_csv(FOLDER / "notes.csv")


def claims() -> pd.DataFrame:
    """What the paper says of its models, a row a claim: claim, table, group, model, against_group, against, says.

    `says`: the accuracy of `model` is `higher` or `lower` than that of `against`, or the difference is `little`. The
    column paper_delta is added: the difference in points, of the accuracies as printed.
    """
    frame = pd.read_csv(FOLDER / "claims.csv")

    def printed(group: str, model: str) -> list[float]:
        return [_accuracy(*key) for key in zip(frame["table"], frame[group], frame[model], strict=True)]

    ours, theirs = printed("group", "model"), printed("against_group", "against")
    return frame.assign(paper_delta=[round(a - b, 1) for a, b in zip(ours, theirs, strict=True)])


def _accuracy(number: int, group: str, model: str) -> float:
    """What the paper has reached itself with a model, in %."""
    rows = _table(number)
    found = rows[(rows["group"] == group) & (rows["model"] == model) & rows["own_schedule"]]
    return float(found["paper_top1"].item())


@cache
def _table(number: int) -> pd.DataFrame:
    if number not in TABLES:
        raise ValueError(f"the paper has tables 1 to 7, got {number}")
    frame = pd.read_csv(FOLDER / f"table{number}.csv").rename(columns=NAMES)
    for column, default in (("group", ""), ("own_schedule", True), ("baseline", False)):
        if column not in frame:
            frame[column] = default
    # A T2T-ViT, or a ViT of these sizes, can only have been trained by the paper: it gives those no asterisk.
    frame["asterisk"] = frame["own_schedule"] & ~frame["model"].str.contains("ViT")
    rows = frame.to_dict("records")
    frame["paper_tokens"] = [_tokens(row) for row in rows]
    frame["paper_structure"] = [_structure(row) for row in rows]
    texts = ["paper_tokens", "paper_structure"]
    return frame.reindex(columns=["group", "model", "own_schedule", "asterisk", "baseline", *texts, *NUMBERS])


def _tokens(row: dict) -> str:
    """Mixer, depth, width and MLP size of the tokenizer, which table 1 has."""
    if not isinstance(row.get("t2t_transformer"), str):
        return ""
    depth, width, mlp = (f"{row[name]:g}" for name in ("t2t_depth", "t2t_hidden_dim", "t2t_mlp_size"))
    return f"{row['t2t_transformer']}, {depth} x {width}, MLP {mlp}"


def _structure(row: dict) -> str:
    """Depth, width and MLP size, which table 1 has; depth and width, or the depth alone, of table 6."""
    if "backbone_depth" in row:
        return f"{row['backbone_depth']} x {row['backbone_hidden_dim']}, MLP {row['backbone_mlp_size']}"
    depth, width = row.get("depth", float("nan")), row.get("hidden_dim")
    if depth != depth:
        return ""
    return f"{depth:g} x {width}" if isinstance(width, str) else f"{depth:g} layers"
