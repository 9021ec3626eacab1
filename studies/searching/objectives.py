"""What a search can be for."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from studies.language.search_block import Sampler

Direction = Literal["maximize", "minimize"]
OBJECTIVES: dict[str, Direction] = {
    "top1": "maximize",
    "macs": "minimize",
    "params": "minimize",
    "latency": "minimize",
}
SAMPLERS: tuple[str, ...] = get_args(Sampler)


def directions(names: Sequence[str]) -> list[Direction]:
    """Whether each is to be large or small."""
    return [OBJECTIVES[name] for name in names]


def values(names: Sequence[str], figures: Mapping[str, float]) -> list[float]:
    """The figures of a candidate that the objectives are, in their order."""
    return [float(figures[name]) for name in names]
