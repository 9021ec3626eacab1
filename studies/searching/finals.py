"""The best candidates as an ordinary study: trained on all training pictures, by several seeds, beside the base."""

from collections.abc import Sequence
from dataclasses import dataclass

from searchspace.presets import preset
from searchspace.spec import ModelSpec
from studies.language.study import Arm, Study
from studies.searching.definition import Definition

GROUP = "best"
QUESTION = "Are the best candidates of the search better than its base?"


@dataclass(frozen=True)
class Finalist:
    """A candidate that is trained again, by the name that it has in tables."""

    name: str
    model: ModelSpec


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
