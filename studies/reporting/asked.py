"""What a figure of a study is asked of."""

from collections.abc import Sequence
from dataclasses import dataclass

from studies.language.study import Study
from studies.store.store import Store
from studies.trials.scale import Scale


@dataclass(frozen=True)
class Asked:
    """A study at a scale, in a store: each kind of figure is a function of it, and takes of it what it needs.

    Attributes:
        study: with the arms.
        scale: at which they were trained.
        store: that has them.
        seeds: those asked for; None: all.
        only: patterns of names or groups of arms; empty: all arms.
    """

    study: Study
    scale: Scale
    store: Store
    seeds: Sequence[int] | None = None
    only: Sequence[str] = ()
