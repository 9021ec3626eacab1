"""What defines a search: all on which its proposals and its figures depend."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from searchspace.identity import hashed
from studies.searching.rungs import Halving
from studies.trials.scale import Scale

if TYPE_CHECKING:
    from searchspace.feasible import Budget
    from searchspace.space import Space


@dataclass(frozen=True)
class Definition:
    """What defines a search.

    Attributes:
        space: of the candidates.
        base: preset that the space is around, and that the best are compared with.
        budget: that candidates keep.
        budget_at: whether that is the cost at `full` size, or of the small model at the `scale`.
        halving: how the worse are stopped early; none: they are not.
        scale: at which they are ranked; its data holds out pictures for validation.
        sampler: one of `objectives.SAMPLERS`.
        objectives: names of `objectives.OBJECTIVES`.
        seed: of the proposals and of each candidate's training.
        warm_start: score of untrained models by which the first candidates are chosen; none: they are drawn.
    """

    space: "Space"
    base: str
    budget: "Budget"
    scale: Scale
    sampler: str
    objectives: tuple[str, ...]
    seed: int
    budget_at: str = "full"
    warm_start: str | None = None
    halving: Halving | None = None

    @property
    def epochs(self) -> int:
        """That a candidate is trained."""
        return int(self.scale.recipe_of(self.base).get("epochs", self.scale.recipe.epochs))

    def plain(self) -> dict[str, Any]:
        """As plain data, in which fields that are added later leave no trace."""
        scale: dict[str, Any] = {part: hashed(getattr(self.scale, part)) for part in ("data", "shrink", "recipe")}
        if self.scale.lr_base_width is not None:
            scale["lr_base_width"] = self.scale.lr_base_width
        return {
            "space": self.space.content(),
            "budget": hashed(self.budget),
            "budget_at": self.budget_at,
            "scale": scale | {"presets": self.scale.presets},
            "sampler": self.sampler,
            "objectives": list(self.objectives),
            "seed": self.seed,
            **({"warm_start": self.warm_start} if self.warm_start else {}),
        } | ({"early_stop": asdict(self.halving)} if self.halving else {})


def difference(there: Any, here: Any, path: str = "") -> str:
    """The first field in which two pieces of plain data differ, with both values; "" if none does."""
    if isinstance(there, dict) and isinstance(here, dict):
        found = (
            difference(there.get(key), here.get(key), f"{path}.{key}" if path else key)
            for key in dict.fromkeys((*there, *here))
        )
        return next(filter(None, found), "")
    if there == here:
        return ""
    return f"{path} is {_short(there)} there and {_short(here)} here"


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
