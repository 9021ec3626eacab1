"""The table of a study that reproduces no table of the paper."""

from collections.abc import Collection

import pandas as pd

from reports.cells import accuracies, among_asked, differences, once, seeds, verdict_remarks
from reports.render import Section, formatted
from reports.statistics import LEVEL, over_seeds


def section(
    study: str,
    results: pd.DataFrame,
    scale: str,
    remarks: list[str],
    level: float = LEVEL,
    asked: Collection[tuple[str, str]] | None = None,
) -> Section:
    """A row an arm: accuracy over seeds, difference from the baseline, params and MACs at the scale.

    With `asked` only these arms (group, name) are shown, compared as they are in the table of all.
    """
    among = over_seeds(results, level)
    arms = among[among_asked(among["group"], among["arm"], asked)]
    texts = {"accuracy": accuracies(arms), "seeds": seeds(arms), "difference": differences(arms)}
    columns = ["group", "arm", "accuracy", "seeds", "difference", "verdict", "run_params_k", "run_macs_m"]
    frame = formatted(arms.assign(**texts), columns)
    if arms["group"].nunique() == 1:
        frame = frame.drop(columns="group")
    else:
        frame["group"] = once(frame["group"])
    return Section(f"{study}, at scale {scale}", frame, [*verdict_remarks(arms, among), *remarks])
