"""The best candidates as an ordinary study: trained on all training pictures, by several seeds, beside the base."""

from collections.abc import Sequence
from dataclasses import dataclass

from searchspace.cost.remembered import costs
from searchspace.presets import names, preset
from searchspace.spec import ModelSpec, TransformerSpec
from studies.language import catalog
from studies.language.resolve import load_study
from studies.language.study import Arm, Study
from studies.searching.candidates import Candidates, model_key
from studies.searching.definition import Definition

GROUP = "best"
QUESTION = "Are the best candidates of the search better than its base?"


@dataclass(frozen=True)
class Finalist:
    """A candidate that is trained again, by the name that it has in tables."""

    name: str
    model: ModelSpec


def presets_within(candidates: Candidates, count: int) -> list[Finalist]:
    """The paper's ViTs and T2T-ViTs that keep the budget of a search and have the most MACs, trained as its best are.

    They are chosen by their cost alone: what the paper says of their accuracy has no part in it. Those that the scale
    makes one model, or the base, are there once.
    """
    if not count:
        return []
    of = candidates.definition
    studies = [study for study in map(load_study, catalog.names()) if study.table]
    rows = {
        model_key(arm.model)
        for study in studies
        for arm in study.arms
        if not (arm.recipe or arm.data or arm.stage or arm.origins)
    }
    known = {name: preset(name) for name in names() if name != of.base}
    kept = [name for name, model in known.items() if isinstance(model, TransformerSpec) and model_key(model) in rows]
    found: dict[str, str] = {}
    macs = dict(zip(kept, (cost["macs"] for cost in costs([known[name] for name in kept])), strict=True))
    for name in sorted(kept, key=lambda name: (-macs[name], name)):
        if len(found) < count and candidates.within(known[name]):
            trial = candidates.trial(known[name])
            if trial.model != candidates.trial(preset(of.base)).model:
                found.setdefault(trial.id, name)
    return [Finalist(f"{name} (preset)", known[name]) for name in found.values()]


def final_study(definition: Definition, name: str, finalists: Sequence[Finalist], seeds: int) -> Study:
    """The base, which is the baseline, and the finalists; with no pictures held out, so that all are tested."""
    base = Arm(GROUP, definition.base, preset(definition.base), baseline=True, optional=False, preset=definition.base)
    arms = [
        Arm(GROUP, finalist.name, finalist.model, baseline=False, optional=False, preset=definition.base)
        for finalist in finalists
    ]
    return Study(
        name=name,
        question=QUESTION,
        remark="",
        table=None,
        scale=definition.scale.scale,
        seeds=tuple(range(seeds)),
        arms=(base, *arms),
        bases={GROUP: definition.base},
    )
