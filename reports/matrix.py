"""The table that ablation sections of papers have: which arm has which part, and what it scores."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from reports.cells import TOP1, accuracies, differences, seeds
from reports.columns import Column
from reports.render import Section, formatted
from reports.statistics import LEVEL, over_seeds

TICK = "\u2713"
NO_SUCH = "n/a"


def section(
    title: str, parts: pd.DataFrame, group: str, results: pd.DataFrame, remarks: list[str], level: float = LEVEL
) -> Section:
    """A row an arm: its parts, accuracy over seeds and difference from the baseline.

    Where a part has two states, one of which is that it is not there, a tick says which arms have it; else its value
    stands there.

    Args:
        title: of the section.
        parts: arm, and a column a part, by its dotted name: a plain value; None where an arm has no such part.
        group: of the arms.
        results: as `statistics.over_seeds` has it, a row a trial.
        remarks: below what the columns mean.
        level: chance that any verdict of the group is noise.
    """
    names = [str(name) for name in parts if name != "arm"]
    states = {name: _states(list(parts[name])) for name in names}
    ticked = {name: found for name in names if (found := _ticked(states[name])) is not None}
    cells = {name: [_cell(value, name in ticked) for value in parts[name]] for name in names}
    measured = over_seeds(results[results["group"] == group], level)
    texts = {"accuracy": accuracies(measured), "seeds": seeds(measured), "difference": differences(measured)}
    scores = formatted(measured.assign(**texts), ["arm", *texts, "verdict"])
    frame = pd.DataFrame({"arm": parts["arm"], **cells}).merge(scores, on="arm", how="left").fillna("")
    columns = {name: _column(name, cells[name]) for name in names}
    return Section(title, frame, [*_remarks(ticked, cells, measured), *remarks], columns)


def _states(values: Sequence[Any]) -> list[Any]:
    """The different values, without that there is none."""
    found: dict[str, Any] = {_text(value): value for value in values if value is not None}
    return list(found.values())


def _ticked(states: Sequence[Any]) -> Any | None:
    """What a tick stands for; None if there are not two states, or neither is that the part is not there."""
    there = [state for state in states if not _absent(state)]
    return there[0] if len(states) == 2 and len(there) == 1 else None


def _cell(value: Any, ticked: bool) -> str:
    if value is None:
        return NO_SUCH
    return _text(value) if not ticked else "" if _absent(value) else TICK


def _absent(value: Any) -> bool:
    """Whether this is what a part is where an arm has it not."""
    return value is False or value == "none"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value).replace('"', "")


def _column(name: str, cells: Sequence[str]) -> Column:
    """Headed by the last part of the dotted name, below the rest of it."""
    outer, _, last = name.rpartition(".")
    numbers = [cell for cell in cells if cell not in ("", NO_SUCH)]
    return Column(f"{outer}\n{last}" if outer else last, written=all(_is_number(cell) for cell in numbers))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _remarks(ticked: dict[str, Any], cells: dict[str, list[str]], measured: pd.DataFrame) -> list[str]:
    stands = [f"{name} {_text(value)}" if value is not True else name for name, value in ticked.items()]
    lines = [f"{TICK} stands for: {', '.join(stands)}."] if stands else []
    if any(NO_SUCH in column for column in cells.values()):
        lines.append(f"{NO_SUCH}: a model without such a part.")
    interval = " \u00b1 half the width of its interval" if measured["ci"].notna().any() else ""
    return [*lines, f"{TOP1}{interval}."]
