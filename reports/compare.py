"""The paper's rows beside what this code builds and trained. Frames in, frames out."""

import pandas as pd

LIMITS = {"params": 1.0, "macs": 3.0}  # %: differences beyond are noted
UNITS = {"params": "m", "macs": "g"}


def full_size(paper: pd.DataFrame, ours: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """The paper's table with our counts beside it.

    Args:
        paper: as `published.table` gives it.
        ours: group, model, structure, params_m (trainable), macs_g of the models at full size.
        reasons: model, column, reason, as `published.notes` gives it.

    Returns:
        The paper's rows and columns with structure, params_m, macs_g, params_diff and macs_diff (% of the printed
        figure), and note: empty, or the reason of each difference beyond `LIMITS`.
    """
    frame = paper.merge(ours, on=["group", "model"], how="left", validate="many_to_one")
    for what, unit in UNITS.items():
        printed = frame[f"paper_{what}_{unit}"]
        frame[f"{what}_diff"] = 100 * (frame[f"{what}_{unit}"] - printed) / printed
    known = reasons.set_index(["model", "column"])["reason"].to_dict()
    frame["note"] = ["; ".join(_notes(row, known)) for row in frame.to_dict("records")]
    return frame


def beyond_rounding(ours: float, printed: float) -> float:
    """Difference in % of the printed figure that its rounding does not explain; 0 if ours rounds to it.

    The printed figure stands for all that rounds to its last digit: 4.2 for 4.15 to 4.25.
    """
    digits = len(f"{printed:g}".partition(".")[2]) or 0
    half = 0.5 * 10.0**-digits
    return 100 * max(0.0, abs(ours - printed) - half) / printed


def _notes(row: dict, known: dict) -> list[str]:
    notes = []
    for what, limit in LIMITS.items():
        ours, printed = row[f"{what}_{UNITS[what]}"], row[f"paper_{what}_{UNITS[what]}"]
        if not abs(row[f"{what}_diff"]) > limit:
            continue
        if (row["model"], what) in known:
            notes.append(known[row["model"], what])
        elif beyond_rounding(ours, printed) <= limit:
            notes.append(f"{what}: the printed {printed:g} is rounded")
        else:
            notes.append(f"{what} differ by {row[f'{what}_diff']:+.1f} % for an unknown reason")
    if row["paper_structure"] and row["paper_structure"] != row["structure"]:
        notes.append("the paper's structure has a slip, ours gives its params")
    return notes
