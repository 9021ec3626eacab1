"""From what a user asks of a search to its definition; what cannot work is refused, and nothing is written."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from searchspace.budget import Budget, budget_of
from searchspace.cost.remembered import costs
from searchspace.expand import SpecError, nearest
from searchspace.presets import names as preset_names
from searchspace.presets import preset
from searchspace.space import Space, space_names, space_of
from searchspace.spec import ModelSpec, to_dict
from studies.api.space import feasible, smaller
from studies.api.warm_start import score_of
from studies.api.wording import amount
from studies.language.scale_file import load_scale
from studies.language.search_block import SearchBlock
from studies.language.search_file import load_search, search_block
from studies.language.space_file import load_space
from studies.searching.candidates import Candidates
from studies.searching.definition import Definition
from studies.searching.rungs import Halving
from studies.trials.scale import NAME, Scale, changed

DEFAULT_SPACE, DEFAULT_SCALE = "paper", "digits"
BOUNDS = tuple(Budget.model_fields)


@dataclass(frozen=True)
class Asked:
    """What a search is.

    Attributes:
        name: of its journal.
        definition: on which proposals depend.
        candidates: of the definition.
        settings: all that was said of it.
        scale: as the user named it, for an exported file.
        notes: for people.
    """

    name: str
    definition: Definition
    candidates: Candidates
    settings: SearchBlock
    scale: str
    notes: tuple[str, ...] = ()


def asked(what: str, given: Mapping[str, Any], scale: Scale | None = None, data_dir: str | Path | None = None) -> Asked:
    """The search that is asked for.

    Args:
        what: a preset to search around, a space by name or file, or a study file with a search.
        given: options by name (`SearchBlock`); what is None is not said: then a study file's word counts.
        scale: instead of one by name.
        data_dir: folder of data sets, for a warm start.

    Raises:
        SpecError: if there is no such search.
    """
    said = {name: value for name, value in given.items() if value is not None}
    file = load_search(what)
    if file is None:
        return _asked(what, search_block(said), scale, data_dir)
    try:
        return _asked(None, search_block(file.given | said), scale, data_dir)
    except SpecError as error:
        if error.where.partition(".")[0] in said:
            raise
        raise file.blamed(error) from None


def _asked(what: str | None, settings: SearchBlock, scale: Scale | None, data_dir: str | Path | None) -> Asked:
    """The search that is asked for; what a command is called with stands before the settings' own base."""
    with _blamed("scale"):
        named = scale.scale if scale else settings.scale or DEFAULT_SCALE
        loaded = scale or load_scale(named)
    with _blamed("validation"):
        if loaded.data.validation is None:
            loaded = changed(loaded, {"validation": settings.validation}, {})
    base = what or settings.base
    with _blamed("space" if settings.space is not None else "base"):
        found = _space(base, settings.space, named)
    budget = {name: getattr(settings, name) for name in BOUNDS}
    with _blamed(next((name for name in BOUNDS if budget[name] is not None), "")):
        bounds = budget_of(**budget)
        within = feasible(found, loaded if settings.budget_at == "scale" else None, bounds)
        within.check()
    definition = Definition(
        space=found,
        base=found.base,
        budget=bounds,
        scale=loaded,
        sampler=settings.sampler,
        objectives=tuple(settings.objectives),
        seed=settings.seed,
        budget_at=settings.budget_at,
        warm_start=settings.warm_start,
        halving=Halving(settings.grace_period, settings.reduction_factor) if settings.early_stop else None,
    )
    if definition.halving and not definition.halving.below(definition.epochs):
        text = f"scale {loaded.scale} trains {definition.epochs} epochs, so that after {settings.grace_period} no"
        raise SpecError(f"early_stop: {text} candidate is stopped: a smaller grace_period", "early_stop")
    title = settings.name or (base if base in preset_names() else found.name)
    if not re.match(NAME, title):
        raise SpecError(f"name: letters, digits, _, . and -, got {title!r}", "name")
    score = None
    if settings.warm_start:
        with _blamed("warm_start"):
            score = score_of(settings.warm_start, settings.sampler, loaded, settings.seed, data_dir)
    model = preset(found.base)
    note = _outside(found.base, smaller(loaded, model) if settings.budget_at == "scale" else model, bounds)
    return Asked(title, definition, Candidates(definition, within, score), settings, named, (note,) if note else ())


@contextmanager
def _blamed(field: str) -> Iterator[None]:
    """Say of an error which setting is to blame."""
    try:
        yield
    except SpecError as error:
        raise SpecError(str(error), field, error.kind) from None


def _space(base: str | None, space: str | Space | None, scale: str) -> Space:
    """The space that a base and a space, each a name or a file, mean together."""
    if base is None and space is None:
        raise SpecError("`base`, a preset, or `space` says what is searched")
    if base is None or base in preset_names():
        default = scale if scale in space_names() else DEFAULT_SPACE
        found = space if isinstance(space, Space) else load_space(space or default)
        return found if base in (None, found.base) else _around(found, base)
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
