"""From what a user asks of a search to its definition; what cannot work is refused, and nothing is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from searchspace.budget import Budget, budget_of
from searchspace.cost.remembered import costs
from searchspace.expand import SpecError, nearest
from searchspace.presets import names as preset_names
from searchspace.presets import preset
from searchspace.space import Space, space_names, space_of
from searchspace.spec import ModelSpec, to_dict
from studies.api.progress import amount
from studies.api.space import feasible, smaller
from studies.api.warm_start import score_of
from studies.language.scale_file import load_scale
from studies.language.space_file import load_space
from studies.searching.candidates import Candidates
from studies.searching.definition import Definition
from studies.searching.objectives import SAMPLERS, check_objectives
from studies.trials.scale import NAME, Scale, changed

MOST_TRIALS = 100_000
DEFAULT_SPACE = "paper"
BUDGET_AT = ("full", "scale")


@dataclass(frozen=True)
class Asked:
    """What a search is.

    Attributes:
        name: of its journal.
        definition: on which proposals depend.
        candidates: of the definition.
        scale: as the user named it, for an exported file.
        notes: for people.
    """

    name: str
    definition: Definition
    candidates: Candidates
    scale: str
    notes: tuple[str, ...] = ()


def asked(
    base: str,
    space: str | Path | Space | None,
    budget: dict[str, int | None],
    scale: str | Path | Scale,
    validation: float,
    sampler: str,
    objectives: Sequence[str],
    seed: int,
    name: str | None,
    budget_at: str = "full",
    warm_start: str | None = None,
    data_dir: str | Path | None = None,
) -> Asked:
    """The search that is asked for (see `studies.search` for what is given).

    Raises:
        SpecError: if there is no such search.
    """
    found = _space(base, space, str(scale.scale if isinstance(scale, Scale) else scale))
    if sampler not in SAMPLERS:
        raise SpecError(f"unknown sampler {sampler!r}{nearest(sampler, SAMPLERS)}")
    bounds = budget_of(**budget)
    loaded = scale if isinstance(scale, Scale) else load_scale(str(scale))
    if loaded.data.validation is None:
        loaded = changed(loaded, {"validation": validation}, {})
    title = name or (base if base in preset_names() else found.name)
    if not re.match(NAME, title):
        raise SpecError(f"--name: letters, digits, _, . and -, got {title!r}")
    if budget_at not in BUDGET_AT:
        raise SpecError(f"--budget-at is full or scale, got {budget_at!r}")
    score = None if warm_start is None else score_of(warm_start, sampler, loaded, seed, data_dir)
    definition = Definition(
        found, found.base, bounds, loaded, sampler, check_objectives(objectives), seed, budget_at, warm_start
    )

    within = feasible(found, loaded if budget_at == "scale" else None, bounds)
    within.check()
    base_model = preset(found.base)
    notes = [_outside(found.base, smaller(loaded, base_model) if budget_at == "scale" else base_model, bounds)]
    return Asked(title, definition, Candidates(definition, within, score), str(scale), tuple(filter(None, notes)))


def _space(base: str, space: str | Path | Space | None, scale: str) -> Space:
    """The space that a base and a space, each a name or a file, mean together."""
    if base in preset_names():
        default = scale if scale in space_names() else DEFAULT_SPACE
        found = space if isinstance(space, Space) else load_space(str(space or default))
        return found if found.base == base else _around(found, base)
    if space is not None:
        raise SpecError(f"unknown preset {base!r}{nearest(base, preset_names())}; with --space the base is a preset")
    if base in space_names() or base.endswith((".yaml", ".yml")):
        return load_space(base)
    hint = nearest(base, [*preset_names(), *space_names()])
    raise SpecError(f"no preset and no space {base!r}{hint}; a file of yours is named with its .yaml")


def _around(space: Space, base: str) -> Space:
    """A space around another base."""
    try:
        return space_of(to_dict(space) | {"base": base})
    except SpecError as error:
        raise SpecError(f"space {space.name} around {base}: {error}", error.where, error.kind) from None


def _outside(base: str, model: ModelSpec, budget: Budget) -> str:
    """That a base is not within the budget, with its figures; "" if it is."""
    (cost,) = costs([model])
    if budget.excess(cost) == 0:
        return ""
    figures = f"{amount(cost['macs'])} MACs and {amount(cost['params'])} params"
    return f"{base} itself has {figures}, outside the budget ({budget}): the best are compared with it all the same"
