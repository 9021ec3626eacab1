"""From what a user asks of a search to its definition; what cannot work is refused, and nothing is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from searchspace.budget import Budget
from searchspace.cost.remembered import costs
from searchspace.expand import SpecError, from_validation, nearest
from searchspace.feasible import Feasible
from searchspace.presets import names as preset_names
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.space import Space, named_space, space_names, space_of
from searchspace.spec import ModelSpec, to_dict
from studies.api.progress import amount
from studies.language.scale_file import load_scale
from studies.language.yaml_file import YamlFile
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
) -> Asked:
    """The search that is asked for (see `studies.search` for what is given).

    Raises:
        SpecError: if there is no such search.
    """
    found = _space(base, space, str(scale.scale if isinstance(scale, Scale) else scale))
    if sampler not in SAMPLERS:
        raise SpecError(f"unknown sampler {sampler!r}{nearest(sampler, SAMPLERS)}")
    try:
        bounds = Budget.model_validate(budget)
    except ValueError as error:
        raise from_validation(error, budget) from None  # type: ignore[arg-type]
    loaded = scale if isinstance(scale, Scale) else load_scale(str(scale))
    if loaded.data.validation is None:
        loaded = changed(loaded, {"validation": validation}, {})
    title = name or (base if base in preset_names() else found.name)
    if not re.match(NAME, title):
        raise SpecError(f"--name: letters, digits, _, . and -, got {title!r}")
    if budget_at not in BUDGET_AT:
        raise SpecError(f"--budget-at is full or scale, got {budget_at!r}")
    definition = Definition(found, found.base, bounds, loaded, sampler, check_objectives(objectives), seed, budget_at)

    def scaled(model: ModelSpec) -> ModelSpec:
        return shrink(model, loaded.shrink, loaded.data.img_size, loaded.data.in_chans, loaded.data.num_classes)

    counted = scaled if budget_at == "scale" else None
    feasible = Feasible(found, bounds, counted)
    feasible.check()
    base_model = preset(found.base)
    notes = tuple(filter(None, [_outside(found.base, counted(base_model) if counted else base_model, bounds)]))
    return Asked(title, definition, Candidates(definition, feasible), str(scale), notes)


def _space(base: str, space: str | Path | Space | None, scale: str) -> Space:
    """The space that a base and a space, each a name or a file, mean together."""
    if base in preset_names():
        default = scale if scale in space_names() else DEFAULT_SPACE
        found = space if isinstance(space, Space) else _named(str(space or default))
        return found if found.base == base else _around(found, base)
    if space is not None:
        raise SpecError(f"unknown preset {base!r}{nearest(base, preset_names())}; with --space the base is a preset")
    if base in space_names() or base.endswith((".yaml", ".yml")):
        return _named(base)
    hint = nearest(base, [*preset_names(), *space_names()])
    raise SpecError(f"no preset and no space {base!r}{hint}; a file of yours is named with its .yaml")


def _named(name: str) -> Space:
    return YamlFile(Path(name)).validate(Space) if name.endswith((".yaml", ".yml")) else named_space(name)


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
