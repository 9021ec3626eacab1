"""`studies show`."""

import argparse
import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import yaml

from searchspace.cost.remembered import costs
from searchspace.expand import SpecError, differences, field_at
from searchspace.presets import preset
from searchspace.spec import ModelSpec, to_dict
from studies.api.wording import amount
from studies.language.expansion import ScaledArm, as_it_is, at_scale, trials
from studies.language.likeness import made_alike
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.language.study import Arm, Key, Study, title


def main(arguments: argparse.Namespace) -> int:
    """Print the base of each group and what each arm changes."""
    study = load_study(arguments.study, arguments.scale)
    scaled = _scaled(study, arguments.scale)
    models = [item.model or item.refusal for item in scaled]
    rates = {item.arm.key: _rate(item) if arguments.scale else {} for item in scaled}
    if arguments.diff:
        first, second = (_named(study, models, rates, name) for name in arguments.diff)
        changed = differences(second, first)
        for key, value in changed.items():
            print(f"{key}: {_inline(field_at(first, key))} -> {_inline(value)}")
        if not changed:
            print(f"no difference between {arguments.diff[0]} and {arguments.diff[1]}")
        return 0
    if arguments.json:
        figures = iter(costs([item.model for item in scaled if item.model]))
        content = [
            {"group": arm.group, "arm": arm.name, "baseline": arm.baseline, "optional": arm.optional}
            | _origins(arm)
            | _of_scale(arm)
            | rates[arm.key]
            | ({"refusal": model} if isinstance(model, str) else {"model": to_dict(model)} | next(figures))
            for arm, model in zip(study.arms, models, strict=True)
        ]
        print(json.dumps({"study": study.name, "question": study.question, "arms": content}, indent=1))
        return 0
    print(f"{study.name}: {study.question}" if study.question else study.name)
    size = f"as scale {arguments.scale} shrinks them" if arguments.scale else "at full size"
    seeds = ", ".join(map(str, study.seeds))
    print(f"{len(study.arms)} arms, {size}; seeds {seeds}; default scale {study.scale}")
    twins = _twins(study, scaled)
    figures = iter(costs([item.model for item in scaled if item.model]))
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
        for arm, model in rows:
            twin = twins.get(arm.key)
            same = f"the same trial as {twin}, trained once" if twin else ""
            parts = [same or _change(arm.name == name, model, base), *_more(arm, rates[arm.key])]
            cost = "" if isinstance(model, str) else f" ({_cost(next(figures))})"
            print(f"  {arm.name}: {', '.join(filter(None, parts))}{cost}")
    alike = made_alike(list(trials(scaled, study.seeds[:1]))) if arguments.scale else []
    print("\n" * bool(alike) + "\n".join(alike), end="\n" * bool(alike))
    return 0


def _scaled(study: Study, scale: str | None) -> list[ScaledArm]:
    """The arms at a scale, or at full size."""
    if scale is None:
        return as_it_is(study, load_scale(study.scale))
    return at_scale(study, load_scale(scale))


def _twins(study: Study, scaled: list[ScaledArm]) -> dict[tuple[str, str], str]:
    """For each arm that is the same trial as one before it in its group, or as its baseline: that one's name."""
    first: dict[tuple[str, str | None, str], Arm] = {}
    found = {}
    pairs = list(trials(scaled, study.seeds[:1]))
    for arm, trial in sorted(pairs, key=lambda pair: not pair[0].baseline):
        twin = first.setdefault((arm.group, arm.stage, trial.id), arm)
        if twin is not arm:
            found[arm.key] = twin.name
    return found


def _cost(figures: Mapping[str, int]) -> str:
    return f"{amount(figures['params'])} params, {amount(figures['macs'])} MACs"


def _change(is_base: bool, model: ModelSpec | str, base: ModelSpec | str) -> str:
    if isinstance(model, str):
        return f"not at this scale: {model}"
    if is_base:
        return "as above"
    changed = differences(to_dict(model), {} if isinstance(base, str) else to_dict(base))
    return ", ".join(f"{key}={_inline(value)}" for key, value in changed.items())


def _origins(arm: Arm) -> dict[str, Any]:
    """Its stage, and what an arm takes from others, as plain data."""
    taught = None if arm.teacher is None else {"arm": title(arm.teacher[0])} | arm.teacher[1].model_dump()
    return {"stage": arm.stage, "teacher": taught, "pretrained": arm.pretrained and title(arm.pretrained)}


def _of_scale(arm: Arm) -> dict[str, Any]:
    """What an arm changes of data and recipe, by dotted name."""
    parts = (("data", arm.data), ("recipe", arm.recipe))
    return {f"{part}.{field}": value for part, fields in parts for field, value in fields.items()}


def _rate(item: ScaledArm) -> dict[str, Any]:
    """The learning rate of an arm, where its scale sets that by the width of a model."""
    return {"recipe.lr": item.recipe.lr} if item.model and item.scale.lr_base_width else {}


def _more(arm: Arm, rate: dict[str, Any]) -> list[str]:
    """What an arm changes beside its model, and what it takes from others."""
    return [*(f"{field}={_inline(value)}" for field, value in (_of_scale(arm) | rate).items()), *arm.beside_model]


def _inline(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("\n...\n").strip()


def _named(study: Study, models: list[ModelSpec | str], rates: Mapping[Key, Any], name: str) -> dict[str, Any]:
    """The plain data of an arm's model, and of what it takes from others.

    Raises:
        SpecError: if there is no such arm, or it cannot be had at the scale.
    """
    arm = study.arm_called(name)
    model = models[study.arms.index(arm)]
    if isinstance(model, str):
        raise SpecError(f"{name} is not at this scale: {model}")
    return to_dict(model) | _origins(arm) | _of_scale(arm) | rates[arm.key]
