"""Where the numbers of a report come from, and what went wrong on the way."""

from collections.abc import Sequence
from itertools import groupby

import pandas as pd

from studies.reporting.tables import described
from studies.store.store import Store
from studies.trials.scale import Scale


def facts(frame: pd.DataFrame, scale: Scale, store: Store) -> list[tuple[str, str]]:
    """Where the numbers come from, of a row a trial: each fact a label and a text."""
    states = ", ".join(f"{count} {state}" for state, count in frame["status"].value_counts().items())
    done = frame[frame["status"] == "done"]
    columns = {"Device": "device", "Data": "data_fingerprint"}
    versions = (name for name in map(str, done) if name.startswith("version_"))
    columns |= {name.removeprefix("version_").replace("_", " "): name for name in versions}
    found = {label: sorted(set(done[name].dropna().astype(str)) - {""}) for label, name in columns.items()}
    known = [("Scale", described(scale)), ("Trials", states), ("Store", str(store.root))]
    if seeds := sorted(set(done["seed"])):
        known.append(("Seeds", spans(seeds)))
    if days := sorted(set(done["finished_at"].dropna().str[:10])):
        known.append(("Trained", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"))
    return known + [(label, " and ".join(texts)) for label, texts in found.items() if texts]


def problems(frame: pd.DataFrame) -> list[str]:
    """The trials that failed and why, of a row a trial."""
    failed = frame[frame["status"] == "failed"]
    return [f"{row['arm']}, seed {row['seed']}: {row['reason']}" for row in failed.to_dict("records")]


def spans(numbers: Sequence[int]) -> str:
    """Sorted numbers with those in a row as a span: 0 to 2, 7."""
    rows = [[n for _, n in row] for _, row in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    texts = [f"{row[0]} to {row[-1]}" if len(row) > 2 else ", ".join(map(str, row)) for row in rows]
    return ", ".join(texts)
