"""The paper's rows beside what this code builds and trained. Frames in, frames out."""

import pandas as pd

TOLERANCE = {"params": 1.0, "macs": 3.0}  # %: differences beyond are noted


def full_size(paper: pd.DataFrame, ours: pd.DataFrame, notes: pd.DataFrame) -> pd.DataFrame:
    """The paper's table with our counts beside it.

    Args:
        paper: as `published.table` gives it.
        ours: group, model, params_m, macs_g of the models at full size.
        notes: group, model, column, reason, as `published.notes` gives it.

    Returns:
        The paper's rows and columns with params_m, macs_g, params_diff and macs_diff (% of the paper's), and note:
        empty, or the reason for each difference beyond `TOLERANCE` (or that none is known).
    """
    frame = paper.merge(ours, on=["group", "model"], how="left", validate="many_to_one")
    for what, unit in (("params", "m"), ("macs", "g")):
        printed = frame[f"paper_{what}_{unit}"]
        frame[f"{what}_diff"] = 100 * (frame[f"{what}_{unit}"] - printed) / printed
    reasons = notes.set_index(["group", "model", "column"])["reason"].to_dict()
    frame["note"] = [_note(row, reasons) for row in frame.to_dict("records")]
    return frame


def _note(row: dict, reasons: dict) -> str:
    parts = []
    for what, limit in TOLERANCE.items():
        if abs(row[f"{what}_diff"]) > limit:
            unknown = f"{what} differ by {row[f'{what}_diff']:+.1f} % for an unknown reason"
            parts.append(reasons.get((row["group"], row["model"], what), unknown))
    if not row["own_schedule"]:
        parts.append("accuracy quoted by the paper, not trained with its scheme")
    return "; ".join(parts)
