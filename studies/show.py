"""`studies show`."""

import argparse
import json
from itertools import groupby
from typing import Any

import yaml

from searchspace.expand import SpecError, differences, nearest
from searchspace.presets import preset
from searchspace.spec import ModelSpec, to_dict
from studies.load import load_study
from studies.scale import load_scale
from studies.study import Arm, Study


def main(arguments: argparse.Namespace) -> int:
    """Print the base of each group and what each arm changes."""
    study = load_study(arguments.study)
    models = _models(study, arguments.scale)
    if arguments.diff:
        first, second = (_named(study, models, name) for name in arguments.diff)
        changed = differences(second, first)
        for key, value in changed.items():
            print(f"{key}: {_inline(_at(first, key))} -> {_inline(value)}")
        if not changed:
            print(f"no difference between {arguments.diff[0]} and {arguments.diff[1]}")
        return 0
    if arguments.json:
        content = [
            {"group": arm.group, "arm": arm.name, "baseline": arm.baseline, "optional": arm.optional}
            | _parents(arm)
            | ({"refusal": model} if isinstance(model, str) else {"model": to_dict(model)})
            for arm, model in zip(study.arms, models, strict=True)
        ]
        print(json.dumps({"study": study.name, "question": study.question, "arms": content}, indent=1))
        return 0
    print(f"{study.name}: {study.question}" if study.question else study.name)
    size = f"as scale {arguments.scale} shrinks them" if arguments.scale else "at full size"
    seeds = ", ".join(map(str, study.seeds))
    print(f"{len(study.arms)} arms, {size}; seeds {seeds}; default scale {study.scale}")
    pairs = zip(study.arms, models, strict=True)
    for group, members in groupby(pairs, key=lambda pair: pair[0].group):
        rows = list(members)
        optional = "; trained with --all" if rows[0][0].optional else ""
        base = next((model for arm, model in rows if arm.baseline), preset(study.bases[group]))
        name = next(arm.name for arm, _ in rows if arm.baseline)
        rule = next((arm.match for arm, _ in rows if arm.match), None)
        equal = f"; {rule.figure} of all within {100 * rule.within:g} % by {rule.field}" if rule else ""
        print(f"\n{group} (baseline {name}{optional}{equal})")
        if not isinstance(base, str):
            print(f"    {_inline(to_dict(base))[1:-1]}")
        seen: dict[str, str] = {}
        for arm, model in rows:
            key = f"{model} {_needs(arm)}"
            twin = seen.setdefault(key, arm.name) if arm.name != name else ""
            twin = name if model == base and not arm.needs else "" if twin == arm.name else twin
            same = f"the same model as {twin}, trained once" if twin and arm.name != name else ""
            said = [same or _change(arm.name == name, model, base), *_needs(arm)]
            print(f"  {arm.name}: {', '.join(filter(None, said))}")
    return 0


def _models(study: Study, scale_name: str | None) -> list[ModelSpec | str]:
    """The model of each arm, or why it cannot be had."""
    if scale_name is None:
        return [arm.model for arm in study.arms]
    return [scaled.model or scaled.refusal for scaled in study.at(load_scale(scale_name))]


def _change(is_base: bool, model: ModelSpec | str, base: ModelSpec | str) -> str:
    if isinstance(model, str):
        return f"not at this scale: {model}"
    if is_base:
        return "as above"
    changed = differences(to_dict(model), {} if isinstance(base, str) else to_dict(base))
    return ", ".join(f"{key}={_inline(value)}" for key, value in changed.items())


def _parents(arm: Arm) -> dict[str, Any]:
    """The arms that an arm takes something from, as plain data."""
    taught = None if arm.teacher is None else {"arm": arm.teacher[0][1]} | arm.teacher[1].model_dump()
    return {"teacher": taught, "pretrained": arm.pretrained and arm.pretrained[1]}


def _needs(arm: Arm) -> list[str]:
    """What an arm takes from others."""
    said = []
    if arm.teacher:
        key, rule = arm.teacher
        more = f", tau {rule.tau:g}" if rule.kind == "soft" else ""
        said.append(f"teacher {key[1]} ({rule.kind}, alpha {rule.alpha:g}{more})")
    return said + ([f"starts from {arm.pretrained[1]}"] if arm.pretrained else [])


def _inline(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("\n...\n").strip()


def _named(study: Study, models: list[ModelSpec | str], name: str) -> dict[str, Any]:
    """The plain data of an arm's model, and of what it takes from others.

    Raises:
        SpecError: if there is no such arm, or it cannot be had at the scale.
    """
    for arm, model in zip(study.arms, models, strict=True):
        if arm.name == name:
            if isinstance(model, str):
                raise SpecError(f"{name} is not at this scale: {model}")
            return to_dict(model) | _parents(arm)
    raise SpecError(f"no arm {name!r} in {study.name}{nearest(name, [arm.name for arm in study.arms])}")


def _at(data: dict[str, Any], path: str) -> Any:
    """What plain data has at a dotted path; None if it has no such field."""
    value: Any = data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
