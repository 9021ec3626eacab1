"""The front of the search that a study's file has, for the study's page."""

import pandas as pd

from reports.page import Picture
from reports.search_figures import draw_front, front_points
from studies.language.search_file import load_search
from studies.language.study import Study
from studies.store.store import Store
from studies.trials.scale import Scale


def front_of(study: Study, scale: Scale, store: Store) -> list[Picture]:
    """Accuracy against MACs of the candidates of the study's search, if its file has one and some are done.

    Raises:
        SpecError: if the journal cannot be read.
    """
    if not study.searches or "://" in store.root:
        return []
    from studies.searching.journal import candidates_in, journal_path  # which imports Optuna

    search = load_search(study.path) if study.path else None
    path = journal_path(store, search.given["name"] if search else study.name)
    if not path.exists():
        return []
    candidates = pd.DataFrame(candidates_in(path, scale))
    done = 0 if candidates.empty else int(candidates["top1"].notna().sum())
    if not done:
        return []
    points = front_points(candidates, pd.DataFrame(), {})
    remark = f"{done} of {len(candidates)} candidates are done, each with one seed; the best are trained again."
    return [Picture("Front of the search", draw_front(points, path.stem, scale.scale), remark=remark)]
