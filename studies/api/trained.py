"""What a store knows of a space of models: those that were trained, their costs and accuracies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.budget import budget_of
from searchspace.space import Space
from studies.api.space import feasible
from studies.language.scale_file import load_scale
from studies.reporting.frames import store_root
from studies.searching.trained import Trained, trained_points
from studies.store.store import Store
from studies.trials.scale import Scale

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Known:
    """The models of a space that a store has results of, at a scale.

    Attributes:
        space: itself.
        named: as the user named it.
        scale: itself.
        store: where they are.
        found: each model.
        frame: a row each, see `space_results`.
    """

    space: Space
    named: str
    scale: Scale
    store: Store
    found: list[Trained]
    frame: "pd.DataFrame"

    @property
    def pictures(self) -> str:
        """What the accuracies were measured on."""
        held_out = self.found[0].validation if self.found else None
        return "test pictures" if held_out is None else f"{100 * held_out:g} % of the training pictures, held out"

    @property
    def nothing(self) -> str:
        """That nothing is known, and what would help."""
        where = f"of space {self.space.name} at scale {self.scale.scale} in {self.store.root}"
        return f"no trained models {where}: `studies search {self.named} --scale {self.scale.scale}` trains some"


def space_results(
    space: str | Path | Space,
    *,
    scale: str | Path | Scale = "digits",
    runs_dir: str | Path | None = None,
    **bounds: int | None,
) -> "pd.DataFrame":
    """The models of a space that were trained at a scale: a row each.

    Columns: the knobs, `macs`, `params` and `activations` as the scale shrinks it, `top1` (%, mean over seeds), `seeds`
    (how many), `validation` (share of the training pictures that it was measured on; none: the test pictures).

    Args:
        space: name, path of a file, or a space.
        scale: name, path, or a scale.
        runs_dir: the store; default: $STUDIES_RUNS_DIR, else ./runs.
        bounds: `max_macs`, `min_macs`, `max_params`, `min_params`, of models as the scale shrinks them.

    Raises:
        SpecError: for bad input.
        StoreError: if the store cannot be read.
    """
    return known(space, scale, runs_dir, **bounds).frame


def known(
    space: str | Path | Space, scale: str | Path | Scale, runs_dir: str | Path | None, **bounds: int | None
) -> Known:
    """What `space_results` gives, with what it is of."""
    import pandas as pd

    loaded = scale if isinstance(scale, Scale) else load_scale(str(scale))
    within = feasible(space, loaded, budget_of(**bounds))
    store = Store(store_root(runs_dir)).check_there()
    found = [one for one in trained_points(within.space, loaded, store) if within.holds(one.point)]
    costs = within.figures([one.point for one in found])
    rows = [
        one.point | (cost or {}) | {"top1": one.top1, "seeds": one.seeds, "validation": one.validation}
        for one, cost in zip(found, costs, strict=True)
    ]
    columns = ["macs", "params", "activations", "top1", "seeds", "validation"]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    return Known(within.space, space.name if isinstance(space, Space) else str(space), loaded, store, found, frame)
