"""Ablation studies and architecture search: the command line, the engine and the studies that ship.

In Python, what plans, trains, reports and searches is a function here: `studies.plan`, `run`, `report`, `evaluate`,
`data_check`, `search`, `space_facts`, `space_stats`, `space_rank`; `results`, `history`, `space_results` and `figure`
give frames and figures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.api.data import data_check
    from studies.api.evaluate import evaluate
    from studies.api.plan import plan
    from studies.api.rank import space_rank
    from studies.api.report import figure, report
    from studies.api.run import run
    from studies.api.search import search
    from studies.api.space import space_facts, space_stats
    from studies.api.trained import space_results
    from studies.reporting.frames import history, results

__all__ = [
    "data_check",
    "evaluate",
    "figure",
    "history",
    "plan",
    "report",
    "results",
    "run",
    "search",
    "space_facts",
    "space_rank",
    "space_results",
    "space_stats",
]
HOMES = {
    "data_check": "studies.api.data",
    "evaluate": "studies.api.evaluate",
    "figure": "studies.api.report",
    "history": "studies.reporting.frames",
    "plan": "studies.api.plan",
    "report": "studies.api.report",
    "results": "studies.reporting.frames",
    "run": "studies.api.run",
    "search": "studies.api.search",
    "space_facts": "studies.api.space",
    "space_rank": "studies.api.rank",
    "space_results": "studies.api.trained",
    "space_stats": "studies.api.space",
}


def __getattr__(name: str) -> Any:
    # Late, so that the command line starts without pandas.
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
