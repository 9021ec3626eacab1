"""The table of a study that reproduces no table of the paper."""

import pandas as pd

from reports.paper_table import accuracies, once, seeds, verdict_remarks
from reports.render import Section, formatted
from reports.statistics import over_seeds


def section(study: str, results: pd.DataFrame, scale: str, remarks: list[str]) -> Section:
    """A row an arm: accuracy over seeds, difference from the baseline, params and MACs at the scale."""
    arms = over_seeds(results)
    frame = formatted(
        arms.assign(seeds=seeds(arms)), ["group", "arm", "seeds", "delta", "verdict", "run_params_k", "run_macs_m"]
    )
    frame.insert(2, "accuracy", accuracies(arms))
    if arms["group"].nunique() == 1:
        frame = frame.drop(columns="group")
    else:
        frame["group"] = once(frame["group"])
    return Section(f"{study}, at scale {scale}", frame, [*verdict_remarks(arms), *remarks])
