"""Ablation studies and architecture search: the command line, the engine and the studies that ship.

In a notebook: `from studies import results, history`.
"""

from typing import Any

__all__ = ["history", "results"]


def __getattr__(name: str) -> Any:
    # Late, so that the command line starts without pandas.
    if name in __all__:
        from studies import frames

        return getattr(frames, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
