"""What a scale makes alike: arms that become one model, and values of a field that become one. No torch here."""

from collections.abc import Mapping, Sequence
from typing import Any

from searchspace.spec import ModelSpec, to_dict
from studies.language.study import Arm
from studies.trials.trial import TrialSpec

Made = Sequence[tuple[Arm, TrialSpec]]
# What data and recipe of a scale decide for all arms alike, or what is no part of a model's architecture.
OF_THE_SCALE = ("img_size", "in_chans", "num_classes", "min_size", "stem", "backbone.init", "backbone.drop_path_rate")


def same_trials(made: Made) -> list[list[Arm]]:
    """Arms that are one and the same trial, for each trial that several are; of the first seed."""
    found: dict[str, list[Arm]] = {}
    seed = made[0][1].seed if made else 0
    for arm, trial in made:
        if trial.seed == seed:
            found.setdefault(trial.id, []).append(arm)
    return [arms for arms in found.values() if len(arms) > 1]


def made_alike(made: Made) -> list[str]:
    """What differs at full size and does not at the scale, as lines for people: whole arms, then fields of a group."""
    return [*_arms_alike(made), *fields_alike(made)]


def _arms_alike(made: Made) -> list[str]:
    return [
        f"one and the same model at this scale: {', '.join(dict.fromkeys(arm.name for arm in arms))}"
        for arms in same_trials(made)
        if any(arm.model != arms[0].model for arm in arms)
    ]


def fields_alike(made: Made) -> list[str]:
    """Values of a field that are one at the scale, as lines: `backbone.depth: 6 and 8 are both 2 at this scale`."""
    lines = []
    for group in dict.fromkeys(arm.group for arm, _ in made):
        members = [(arm, trial.model) for arm, trial in made if arm.group == group and trial.seed == made[0][1].seed]
        for field, values in _merged(members).items():
            where = f" in {group}" if len({arm.group for arm, _ in made}) > 1 else ""
            lines.append(f"{field}{where}: {'; '.join(values)} at this scale")
    return lines


def _merged(members: Sequence[tuple[Arm, ModelSpec]]) -> dict[str, list[str]]:
    """Fields of which several values become one: `6 and 8 are both 2`."""
    found: dict[str, dict[str, list[str]]] = {}
    for arm, model in members:
        before, after = _fields(to_dict(arm.model)), _fields(to_dict(model))
        for field in before.keys() & after.keys():
            if field in OF_THE_SCALE or (arm.match and field == arm.match.field):
                continue
            values = found.setdefault(field, {}).setdefault(after[field], [])
            if before[field] not in values:
                values.append(before[field])
    return {
        field: [_said(values, after) for after, values in by_value.items() if len(values) > 1]
        for field, by_value in sorted(found.items())
        if any(len(values) > 1 for values in by_value.values())
    }


def _said(values: Sequence[str], after: str) -> str:
    return f"{', '.join(values[:-1])} and {values[-1]} are {'both' if len(values) == 2 else 'all'} {after}"


def _fields(data: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested plain data as text by dotted name."""
    found: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            found |= _fields(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = str(value)
    return found
