"""What a report of a study of one's own may have below its table: the matrix of its parts, and its effects."""

from collections.abc import Collection
from typing import Literal

import pandas as pd

from reports import effects_table, matrix
from reports.render import Section
from searchspace.expand import SpecError
from studies.language.expansion import at_scale
from studies.language.study import Study
from studies.reporting.designs import designs
from studies.reporting.parts import Parts, parts
from studies.trials.scale import Scale

Analysis = Literal["matrix", "effects"]
UNASKED = range(2, 13)  # parts of a matrix that nobody asked for: more than the names of arms say, and not too wide


def fitting(study: Study, scale: Scale, results: pd.DataFrame, level: float) -> list[Section]:
    """Those that a study's form asks for: effects of groups that cross factors, a matrix of others that vary parts.

    Of a single factor, or part, the study's table says all.
    """
    if study.table is not None:
        return []
    scaled = at_scale(study, scale)
    crossed = {design.group: design for design in designs(scaled)}  # or a single factor
    done = set(results.loc[results["status"] == "done", "group"])
    made = []
    for group in parts(scaled):
        title = _title(study, group.group)
        if group.group not in crossed:
            unasked = _tells(group) and len(group.names) in UNASKED
            made += [_matrix(study, scale, group, results, level)] if unasked else []
        elif group.group in done and len(crossed[group.group].factors) > 1:
            made += effects_table.sections(title, scale.scale, crossed[group.group], results, level)
    return made


def asked(
    study: Study, scale: Scale, results: pd.DataFrame, level: float, wanted: Collection[Analysis]
) -> list[Section]:
    """Those that are asked for.

    Raises:
        SpecError: if the study is of a table of the paper, or has not the form that one of them needs.
    """
    if not wanted:
        return []
    if study.table is not None:
        flags = " and ".join(f"--{name}" for name in wanted)
        raise SpecError(f"{flags}: for a study of your own; {study.name} reproduces table {study.table} of the paper")
    scaled = at_scale(study, scale)
    made = []
    if "matrix" in wanted:
        told = [group for group in parts(scaled) if _tells(group)]
        if not told:
            text = "change no field of a base, so that there are no parts to tick"
            raise SpecError(f"--matrix: the arms of {study.name} {text}")
        made += [_matrix(study, scale, group, results, level) for group in told]
    if "effects" in wanted:
        crossed = designs(scaled)
        if not crossed:
            text = "its arms come neither from a `grid`, nor are they every combination of two parts or more"
            raise SpecError(f"--effects: {study.name} crosses no factors: {text}")
        for design in crossed:
            made += effects_table.sections(_title(study, design.group), scale.scale, design, results, level)
    return made


def _tells(group: Parts) -> bool:
    """Whether the arms of a group differ in parts, and not in their presets alone."""
    return bool(set(group.names) - {"base"})


def _matrix(study: Study, scale: Scale, group: Parts, results: pd.DataFrame, level: float) -> Section:
    rows = [{"arm": arm.name} | {name: group.values[arm.key][name] for name in group.names} for arm in group.arms]
    title = f"{_title(study, group.group)}: parts of each arm, at scale {scale.scale}"
    return matrix.section(title, pd.DataFrame(rows, dtype=object), group.group, results, _sizes(group, scale), level)


def _sizes(group: Parts, scale: Scale) -> list[str]:
    """What numbers among the parts of models are of, where a scale makes these smaller."""
    rule = scale.shrink
    sized = [
        name
        for name in group.names
        if not name.startswith(("data.", "recipe."))
        and any(type(row[name]) in (int, float) for row in group.values.values())
    ]
    shrunk = not rule.width == rule.depth == rule.heads == 1
    return (
        ["Sizes are those of the study, of models at full size; this scale shrinks all alike."]
        if sized and shrunk
        else []
    )


def _title(study: Study, group: str) -> str:
    return study.name if group == study.name else f"{study.name}, {group}"
