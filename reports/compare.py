"""The paper's rows beside what this code builds and trained. Frames in, frames out."""

import pandas as pd

from reports.columns import as_printed

LIMITS = {"params": 1.0, "macs": 3.0}  # %: differences beyond are noted
UNITS = {"params": "m", "macs": "g"}
WORDS = {"params": "params", "macs": "MACs"}


def full_size(paper: pd.DataFrame, ours: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """The paper's table with our counts beside it.

    Args:
        paper: as `published.table` gives it.
        ours: group, model, tokens, structure, params_m (trainable), macs_g of the models at full size.
        reasons: model, column, reason, as `published.notes` gives it.

    Returns:
        The paper's rows and columns with tokens, structure, params_m, macs_g, params_diff and macs_diff (% of the
        printed figure), note: empty, or the reason of each difference beyond `LIMITS`; and slip: empty, or what the
        paper's structure should be.
    """
    frame = paper.merge(ours, on=["group", "model"], how="left", validate="many_to_one")
    for what, unit in UNITS.items():
        printed = frame[f"paper_{what}_{unit}"]
        frame[f"{what}_diff"] = 100 * (frame[f"{what}_{unit}"] - printed) / printed
    known = reasons.set_index(["model", "column"])["reason"].to_dict()
    frame["note"] = ["; ".join(_notes(row, known)) for row in frame.to_dict("records")]
    frame["slip"] = [_slip(row) for row in frame.to_dict("records")]
    return frame


def beyond_rounding(ours: float, printed: float) -> float:
    """Difference in % of the printed figure that its rounding does not explain; 0 if ours rounds to it.

    The printed figure stands for all that rounds to its last digit: 4.2 for 4.15 to 4.25.
    """
    return 100 * max(0.0, abs(ours - printed) - _last_digit(printed) / 2) / printed


def _last_digit(printed: float) -> float:
    """What the last digit of a printed figure is worth: 0.1 of 4.2."""
    return 10.0 ** -len(as_printed(printed).partition(".")[2])


def _notes(row: dict, known: dict) -> list[str]:
    notes = []
    for what, limit in LIMITS.items():
        ours, printed = row[f"{what}_{UNITS[what]}"], row[f"paper_{what}_{UNITS[what]}"]
        if not abs(row[f"{what}_diff"]) > limit:
            continue
        if (row["model"], what) in known:
            notes.append(known[row["model"], what])
        elif beyond_rounding(ours, printed) <= limit:
            notes.append(f"{WORDS[what]}: the paper prints {as_printed(printed)}, {_shortened(ours, printed)}")
        else:
            notes.append(f"{WORDS[what]} differ by {row[f'{what}_diff']:+.1f} % for an unknown reason")
    return notes


def _shortened(ours: float, printed: float) -> str:
    """How a printed figure comes of ours, as far as it does."""
    if beyond_rounding(ours, printed) == 0:
        return f"which is {ours:.3f} rounded"
    if 0 < ours - printed < _last_digit(printed):
        return f"which is {ours:.3f} cut, not rounded"
    return f"whose last digit is worth more than what is left to {ours:.3f}"


def _slip(row: dict) -> str:
    """What the paper's structure should be, where ours differs from it and has its params."""
    for printed, ours in ((row["paper_tokens"], row["tokens"]), (row["paper_structure"], row["structure"])):
        if " x " in printed and ours != printed and not ours.startswith(f"{printed},"):
            explains = beyond_rounding(row["params_m"], row["paper_params_m"]) <= LIMITS["params"]
            fits = f"fits its {as_printed(row['paper_params_m'])} M params"
            return f"a slip of the paper: {ours} {fits}" if explains else f"{ours} is what is built here"
    return ""
