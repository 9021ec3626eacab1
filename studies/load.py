"""Study files: found by name or path, read, and resolved to arms. No torch here, but for a group that says `match`."""

from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from searchspace.expand import SpecError, nearest, one_line, override
from searchspace.presets import preset
from searchspace.spec import ModelSpec
from studies.equal import matched
from studies.generate import generate, matches
from studies.study import Arm, Key, Study
from studies.study_file import Group, StudyFile, Taught, merged
from studies.trial import Distillation
from studies.yaml_file import YamlFile

RESERVED = ("base", "teacher", "pretrained")  # keys of an arm that are no fields of a model
CATALOG = Path(__file__).with_name("catalog")


def names() -> list[str]:
    """The studies that ship."""
    return sorted(path.stem for path in CATALOG.glob("*.yaml"))


def load_study(name: str) -> Study:
    """A study that ships, by name, or a file of the user's, by path.

    Raises:
        SpecError: if there is no such study (with the nearest names), or its file is wrong (file and line).
    """
    if name in names():
        return parse(CATALOG / f"{name}.yaml")
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return parse(Path(name))
    raise SpecError(f"unknown study {name!r}{nearest(name, names())}; a file of yours is named with its .yaml")


def parse(path: Path) -> Study:
    """Read and resolve a study file.

    Raises:
        SpecError: with file and line.
    """
    file = _read(path, ())
    content = file.validate(StudyFile)
    groups = content.all_groups()
    arms: list[Arm] = []
    for name, group in groups.items():
        arms += _arms(file, ("groups", name) if content.groups else (), name, group)
    seeds = content.seeds
    return Study(
        name=content.study,
        question=content.question,
        remark=content.remark,
        table=content.paper.table if content.paper else None,
        scale=content.scale,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(dict.fromkeys(seeds)),
        arms=tuple(_linked(file, bool(content.groups), arms)),
        bases={name: group.base for name, group in groups.items()},
    )


def _read(path: Path, children: tuple[Path, ...]) -> YamlFile:
    """A study file with the content of those it extends."""
    file = YamlFile(path)
    parent = file.data.get("extends")
    if parent is None:
        return file
    if not isinstance(parent, str):
        raise file.error(("extends",), f"extends: the name or the path of a study, got {parent!r}")
    if parent in names():
        found = CATALOG / f"{parent}.yaml"
    elif parent.endswith((".yaml", ".yml")):
        found = path.parent / parent
    else:
        raise file.error(("extends",), f"unknown study {parent!r}{nearest(parent, names())}")
    if not found.is_file():
        raise file.error(("extends",), f"extends: no such file: {found}")
    line = (*children, path.resolve())
    if found.resolve() in line:
        circle = " extends ".join(p.name for p in (*line[line.index(found.resolve()) :], found))
        raise file.error(("extends",), f"a study cannot extend itself: {circle}")
    own, base = file.data, _read(found, line).data
    for name, group in (own.get("groups") or {}).items() if isinstance(own.get("groups"), dict) else ():
        if isinstance(group, dict) and "base" not in group and name not in (base.get("groups") or {}):
            hint = nearest(name, base.get("groups") or {})
            text = f"groups: {parent} has no group {name!r}, and a new one needs `base`{hint}"
            raise file.error(("groups", name), text)
    file.data = merged(base, own)
    if "paper" not in own:
        file.data.pop("paper", None)  # another study's table is not this one's
    return file


def _arms(file: YamlFile, where: tuple[str, ...], name: str, group: Group) -> Iterator[Arm]:
    if not name.strip() or not name.isprintable():
        raise file.error(where, f"the name of a group is one line of text, got {name!r}")
    try:
        base = preset(group.base)
    except SpecError as error:
        raise file.error((*where, "base"), str(error)) from None
    models: dict[str, ModelSpec] = {}
    parents: dict[str, dict[str, Any]] = {}
    for arm, entry in group.arms.items():
        if not arm.strip() or not arm.isprintable():
            raise file.error((*where, "arms", arm), f"the name of an arm is one line of text, got {arm!r}")
        changes = dict(entry or {})
        parents[arm] = _parents(file, (*where, "arms", arm), name, changes)
        place = "base"
        try:
            start = preset(changes.pop("base")) if "base" in changes else base
            known = [*RESERVED, *type(start).model_fields]
            place = next((key for key in changes if "." not in key and key not in known), "")
            if place:
                raise SpecError(f"unknown field {place!r}{nearest(place, known)}")
            place = next(iter(changes), "")
            models[arm] = override(start, changes)
        except SpecError as error:
            place = next((key for key in changes if f"'{key}'" in str(error)), place)
            raise file.error((*where, "arms", arm, place), f"{arm}: {error}") from None
    models |= _generated(file, where, group, base, models)
    baseline = group.baseline or next(iter(models))
    if baseline not in models:
        hint = nearest(baseline, models)
        raise file.error((*where, "baseline"), f"the baseline {baseline!r} is no arm of {name!r}{hint}")
    for arm, model in models.items():
        if group.match and arm != baseline:
            try:
                model = matched(model, models[baseline], group.match)
            except SpecError as error:
                raise file.error((*where, "match", group.match.figure), f"{arm}: {error}") from None
        yield Arm(name, arm, model, arm == baseline, group.optional, match=group.match, **parents.get(arm, {}))


def _parents(file: YamlFile, where: tuple[str, ...], group: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What an arm's entry says of the arms that it needs, taken out of its changes."""
    found: dict[str, Any] = {}
    if (said := changes.pop("teacher", None)) is not None:
        try:
            taught = Taught.model_validate({"arm": said} if isinstance(said, str) else said)
        except ValidationError as error:
            wrong = [e["loc"][-1] for e in error.errors() if e["type"] == "extra_forbidden"]
            hint = nearest(str(wrong[0]), Taught.model_fields) if wrong else ""
            raise file.error((*where, "teacher"), f"teacher: {one_line(error)}{hint}") from None
        found["teacher"] = ((group, taught.arm), Distillation(**taught.model_dump(exclude={"arm"})))
    if (said := changes.pop("pretrained", None)) is not None:
        if not isinstance(said, str):
            raise file.error((*where, "pretrained"), f"pretrained: the name of another arm, got {said!r}")
        found["pretrained"] = (group, said)
    return found


def _check_exclude(file: YamlFile, where: tuple[str, ...], group: Group) -> None:
    """Refuse an entry of `exclude` that names a field which no generator has."""
    known = {*group.ablate, *group.add_one, *group.grid, *group.zip, *(group.sample.fields if group.sample else ())}
    for i, excluded in enumerate(group.exclude):
        for field in excluded:
            if field not in known:
                hint = nearest(field, sorted(known))
                raise file.error((*where, "exclude", i), f"exclude: no generator has the field {field!r}{hint}")


def _linked(file: YamlFile, grouped: bool, arms: list[Arm]) -> list[Arm]:
    """The arms with what they need found: in their own group, else the only arm of that name.

    Raises:
        SpecError: if there is no such arm, several are meant, or arms need each other in a circle.
    """

    def place(arm: Arm, kind: str) -> tuple[str, ...]:
        return (*(("groups", arm.group) if grouped else ()), "arms", arm.name, kind)

    def find(arm: Arm, kind: str, name: str) -> Key:
        there = [other.key for other in arms if other.name == name]
        own = [key for key in there if key[0] == arm.group] or there
        if len(own) != 1:
            hint = f"; it is in the groups {', '.join(key[0] for key in own)}" if own else nearest(name, known)
            raise file.error(place(arm, kind), f"{arm.name}: {kind}: {name!r} is {_which(own)}{hint}")
        return own[0]

    known = [arm.name for arm in arms]
    linked = []
    for arm in arms:
        taught = arm.teacher and (find(arm, "teacher", arm.teacher[0][1]), arm.teacher[1])
        pretrained = arm.pretrained and find(arm, "pretrained", arm.pretrained[1])
        linked.append(replace(arm, teacher=taught, pretrained=pretrained))
    try:
        TopologicalSorter({arm.key: arm.needs for arm in linked}).prepare()
    except CycleError as error:
        circle: list[Key] = list(reversed(error.args[1]))  # each needs the next
        first = next(arm for arm in linked if arm.key == circle[0])
        kind = "teacher" if first.teacher and first.teacher[0] == circle[1] else "pretrained"
        text = " needs ".join(key[1] for key in circle)
        raise file.error(place(first, kind), f"arms cannot need each other in a circle: {text}") from None
    return linked


def _which(found: list[Key]) -> str:
    return "more than one arm" if found else "no arm of this study"


def _generated(
    file: YamlFile, where: tuple[str, ...], group: Group, base: ModelSpec, named: dict[str, ModelSpec]
) -> dict[str, ModelSpec]:
    """The arms that a group's generators make, after the base itself if no named arm is it."""

    def can_be_built(overrides: dict[str, Any]) -> bool:
        try:
            override(base, overrides)
        except SpecError as error:
            if "unknown field" in str(error):
                raise
            return False
        return True

    models: dict[str, ModelSpec] = {}
    kind, arm = "sample", ""
    try:
        for made in generate(group, can_be_built):
            kind, arm = made[:2]
            if arm in named or arm in models:
                raise SpecError("two arms have this name: rename the one under `arms`, or exclude this one")
            models[arm] = override(base, made[2])
    except SpecError as error:
        place = next((key for key in getattr(group, kind) or {} if f"'{key}'" in str(error)), "")
        raise file.error((*where, kind, place), f"{kind}: {f'{arm}: ' if arm else ''}{error}") from None
    _check_exclude(file, where, group)
    everything = group.model_copy(update={"exclude": [], "sample": None})
    all_made = list(generate(everything, can_be_built)) if group.exclude else []
    for i, excluded in enumerate([] if group.sample else group.exclude):
        if not any(matches(overrides, excluded) for _, _, overrides in all_made):
            inherited = "" if (*where, "exclude", i) in file.lines else " (of the study that this one extends)"
            text = f"exclude: {excluded}{inherited} matches no generated arm; remove or mend it"
            raise file.error((*where, "exclude", i), text)
    if group.generates() and not models:
        raise file.error((*where, "exclude"), "exclude: nothing is left of the generated arms")
    only_reverse = all(arm.startswith("stripped") for arm in models)
    if models and base not in named.values() and not only_reverse:
        models = {"base": base} | models
    return models
