"""What a search can be for."""

from collections.abc import Mapping, Sequence
from typing import Literal

from searchspace.expand import SpecError, nearest

Direction = Literal["maximize", "minimize"]
OBJECTIVES: dict[str, Direction] = {"top1": "maximize", "macs": "minimize", "params": "minimize"}
SAMPLERS = ("tpe", "nsga2", "gp", "random")


def check_objectives(names: Sequence[str]) -> tuple[str, ...]:
    """Names of objectives, each once, top1 among them.

    Raises:
        SpecError: if they are not.
    """
    for name in names:
        if name not in OBJECTIVES:
            raise SpecError(f"unknown objective {name!r}{nearest(name, OBJECTIVES)}")
    if len(set(names)) < len(names):
        raise SpecError(f"each objective once, got {', '.join(names)}")
    if "top1" not in names:
        raise SpecError(
            f"one of the objectives must be top1, got {', '.join(names)}: what only costs, nobody needs to train; "
            "--max-macs and --max-params bound it"
        )
    return tuple(names)


def directions(names: Sequence[str]) -> list[Direction]:
    """Whether each is to be large or small."""
    return [OBJECTIVES[name] for name in names]


def values(names: Sequence[str], figures: Mapping[str, float]) -> list[float]:
    """The figures of a candidate that the objectives are, in their order."""
    return [float(figures[name]) for name in names]
