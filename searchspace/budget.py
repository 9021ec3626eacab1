"""Bounds of what a model may cost, and how far a model is outside of them."""

from collections.abc import Mapping
from math import log
from typing import Annotated

from pydantic import ValidationError, model_validator

from searchspace.bounds import Within
from searchspace.expand import from_validation
from searchspace.spec import Spec

Count = Annotated[int | None, Within(1, 10**18)]
CALLED = {"macs": "MACs", "params": "params"}


class Budget(Spec):
    """Bounds of a model's cost; none where nothing is said."""

    max_macs: Count = None
    min_macs: Count = None
    max_params: Count = None
    min_params: Count = None

    @model_validator(mode="after")
    def _check(self) -> "Budget":
        for figure in CALLED:
            low, high = getattr(self, f"min_{figure}"), getattr(self, f"max_{figure}")
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{figure} must be at most max_{figure}, got {low:,} and {high:,}")
        return self

    def bounds(self) -> dict[str, int]:
        """Those that are given, by name."""
        return {name: bound for name in type(self).model_fields if (bound := getattr(self, name)) is not None}

    def excess(self, figures: Mapping[str, int]) -> float:
        """How far a cost is outside: the logarithm of its ratio to the bound that it breaks most; 0 within."""
        return max([0.0, *(excess(name, bound, figures) for name, bound in self.bounds().items())])

    def without(self, name: str) -> "Budget":
        """All bounds but one."""
        return self.model_copy(update={name: None})

    def __str__(self) -> str:
        return " and ".join(f"{name} {bound:,}" for name, bound in self.bounds().items()) or "no bounds"


def budget_of(**bounds: int | None) -> Budget:
    """A budget of its bounds.

    Raises:
        SpecError: in one line, if they contradict each other.
    """
    try:
        return Budget(**bounds)
    except ValidationError as error:
        raise from_validation(error, bounds) from None


def excess(name: str, bound: int, figures: Mapping[str, int]) -> float:
    """How far a cost is beyond one bound, `max_macs` say; negative within."""
    side, figure = name.split("_")
    ratio = log(max(1, figures[figure]) / bound)
    return ratio if side == "max" else -ratio
