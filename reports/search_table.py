"""The Pareto set that a search has found."""

import pandas as pd

from reports.render import Section, formatted

VALIDATION = (
    "Accuracy on validation pictures, cut from the training pictures, by one seed: it ranks candidates, and that of "
    "the best of many is too high. Params and MACs at full size."
)


def section(search: str, front: pd.DataFrame, scale: str, remarks: list[str]) -> Section:
    """A row a candidate.

    Args:
        search: its name.
        front: candidate (its name), point (its knobs, as text), params, macs, latency (ms, NaN if not
            measured), top1 (%, on validation pictures; NaN
            for the base).
        scale: that ranked them.
        remarks: below what the columns mean.
    """
    figures = {"full_params_m": front["params"] / 1e6, "full_macs_g": front["macs"] / 1e9}
    frame = front.assign(validation=front["top1"], **figures)
    measured = ["latency"] if front["latency"].notna().any() else []
    columns = ["candidate", "validation", "full_params_m", "full_macs_g", *measured, "point"]
    return Section(
        f"Pareto set of {search}, ranked at scale {scale}", formatted(frame, columns), [VALIDATION, *remarks]
    )
