"""Study files: found by name or path, read, and resolved to arms. No torch here, and nothing is counted."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from searchspace.expand import SpecError, nearest, one_line, override
from searchspace.presets import preset
from searchspace.shrink import SET
from searchspace.spec import ModelSpec, to_dict
from studies.language.equal_cost import check_field
from studies.language.generators import generate, matches
from studies.language.scale_file import load_scale
from studies.language.study import Arm, File, Key, Origin, OtherArm, Study
from studies.language.study_file import Group, Started, StudyFile, Taught, merged
from studies.language.yaml_file import YamlFile
from studies.trials.data import Cifar10Spec, Cifar100Spec, DigitsSpec
from studies.trials.recipe import Recipe
from studies.trials.scale import changed
from studies.trials.trial import Distillation

RESERVED = ("base", "teacher", "pretrained", "data", "recipe")  # keys of an arm that are no fields of a model
CATALOG = Path(__file__).with_name("catalog")
PARTS = {"data": (DigitsSpec, Cifar10Spec, Cifar100Spec), "recipe": (Recipe,)}  # of a scale, that an arm may change


@dataclass(frozen=True)
class Variant:
    """What an arm's overrides make of its base: the model, what they say of it, and of data and recipe."""

    model: ModelSpec
    own: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)

    def is_base(self, base: ModelSpec) -> bool:
        """Whether it is the base itself, at every scale."""
        return self.model == base and not (self.data or self.recipe or set(self.own) & set(SET))


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
    _check_recipes(content.scale, arms)
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
        path=path,
    )


def _check_recipes(scale: str, arms: list[Arm]) -> None:
    """Refuse what an arm makes of data and recipe, at the study's own scale."""
    for arm in arms:
        if arm.data or arm.recipe:
            try:
                changed(load_scale(scale), arm.data, arm.recipe)
            except SpecError as error:
                raise SpecError(f"{arm.place}: {arm.name}: {error}", error.where, error.kind) from None


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
    variants: dict[str, Variant] = {}
    origins: dict[str, dict[str, Any]] = {}
    for arm, entry in group.arms.items():
        if not arm.strip() or not arm.isprintable():
            raise file.error((*where, "arms", arm), f"the name of an arm is one line of text, got {arm!r}")
        changes = dict(entry or {})
        origins[arm] = _origins(file, (*where, "arms", arm), name, changes)
        try:
            start = preset(changes.pop("base")) if "base" in changes else base
            variants[arm] = vary(start, changes)
        except SpecError as error:
            near = [key for key in entry or {} if key.startswith(f"{error.where}.")]
            key = next((key for key in entry or {} if error.blames(key)), next(iter(near), "base"))
            raise file.error((*where, "arms", arm, key), f"{arm}: {error}", error.kind) from None
    variants |= _generated(file, where, group, base, variants)
    baseline = group.baseline or next(iter(variants))
    if baseline not in variants:
        hint = nearest(baseline, variants)
        raise file.error((*where, "baseline"), f"the baseline {baseline!r} is no arm of {name!r}{hint}")
    for arm, variant in variants.items():
        place = (*where, "match", group.match.figure) if group.match else (*where, "arms", arm)
        if group.match and arm != baseline:
            try:
                check_field(variant.model, group.match.field)
            except SpecError as error:
                raise file.error(place, f"{arm}: {error}", error.kind) from None
        yield Arm(
            name,
            arm,
            variant.model,
            arm == baseline,
            group.optional,
            own=variant.own,
            data=variant.data,
            recipe=variant.recipe,
            match=group.match,
            place=file.place(place),
            **origins.get(arm, {}),
        )


def vary(start: ModelSpec, changes: Mapping[str, Any]) -> Variant:
    """A model with dotted overrides, some of which may be of the scale's `data.` and `recipe.`.

    Raises:
        SpecError: for an unknown field (with the nearest names), or if the model breaks an invariant.
    """
    of_model: dict[str, Any] = {}
    of_scale: dict[str, dict[str, Any]] = {"data": {}, "recipe": {}}
    known = [*RESERVED, *type(start).model_fields]
    for path, value in changes.items():
        part, dot, rest = path.partition(".")
        if part not in of_scale:
            if not dot and path not in known:
                raise SpecError(f"unknown field {path!r}{nearest(path, known)}", path, "unknown_field")
            of_model[path] = value
            continue
        if not dot and not isinstance(value, dict):
            raise SpecError(f"{part}: a mapping of fields, got {value!r}", part)
        for name, inner in value.items() if not dot else ((rest, value),):
            fields = sorted({field for spec in PARTS[part] for field in spec.model_fields})
            if name.partition(".")[0] not in fields:
                hint = nearest(f"{part}.{name}", [f"{part}.{field}" for field in fields])
                raise SpecError(f"unknown field '{part}.{name}'{hint}", path, "unknown_field")
            of_scale[part][name] = inner
    return Variant(override(start, of_model), _own(start, of_model), **of_scale)


def _own(start: ModelSpec, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that overrides set, one by one; what a mapping only repeats of the base is not among them."""
    found: dict[str, Any] = {}
    for path, value in changes.items():
        if not isinstance(value, dict):
            found[path] = value
            continue
        kind = {f"{path}.kind": value["kind"]} if "kind" in value else {}
        before: Any = to_dict(override(start, kind) if kind else start)
        for part in path.split("."):
            before = before.get(part) if isinstance(before, dict) else None
        for name, inner in value.items():
            if not isinstance(before, dict) or before.get(name) != inner:
                found[f"{path}.{name}"] = inner
    return found


def _origins(file: YamlFile, where: tuple[str, ...], group: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What an arm's entry says of what it starts or learns from, taken out of its changes."""
    found: dict[str, Any] = {}
    for name, model in (("teacher", Taught), ("pretrained", Started)):
        given = changes.pop(name, None)
        if given is None:
            continue
        if not isinstance(given, str | dict):
            raise file.error((*where, name), f"{name}: the name of an arm, or a mapping, got {given!r}")
        plain = {"arm": given} if isinstance(given, str) else given
        try:
            started: Started = model.model_validate(plain)
        except ValidationError as error:
            wrong = [e["loc"][-1] for e in error.errors() if e["type"] == "extra_forbidden"]
            hint = nearest(str(wrong[0]), model.model_fields) if wrong else ""
            raise file.error((*where, name), f"{name}: {one_line(error, plain)}{hint}") from None
        origin = _origin(file, (*where, name), group, started)
        if isinstance(started, Taught):
            rule = Distillation(**{key: getattr(started, key) for key in Distillation.model_fields})
            found[name] = (origin, rule)
        else:
            found[name] = origin
    return found


def _origin(file: YamlFile, where: tuple[str, ...], group: str, started: Started) -> Origin:
    if started.file is not None:
        path = file.path.parent / started.file
        if not path.is_file():
            raise file.error(where, f"{where[-1]}: no such file: {path}")
        if started.sha256 is None:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            raise file.error(where, f"{where[-1]}: a file is named with its digest: add sha256: {digest}")
        return File(path, started.sha256, _teacher(file, where, started))
    arm = started.arm or ""
    if started.study is None and started.scale is None and started.seed is None:
        return group, arm
    study = str(file.path) if started.study is None else _study(file, where, started.study)
    scale = started.scale
    if scale is not None and scale.endswith((".yaml", ".yml")):
        scale = str(file.path.parent / scale)
    return OtherArm(study, arm, scale, started.seed)


def _study(file: YamlFile, where: tuple[str, ...], name: str) -> str:
    if name in names():
        return name
    path = file.path.parent / name
    if not name.endswith((".yaml", ".yml")):
        raise file.error(where, f"{where[-1]}: unknown study {name!r}{nearest(name, names())}")
    if not path.is_file():
        raise file.error(where, f"{where[-1]}: no such file: {path}")
    return str(path)


def _teacher(file: YamlFile, where: tuple[str, ...], started: Started) -> ModelSpec | None:
    """The model of a file's weights."""
    if not isinstance(started, Taught) or started.model is None:
        return None
    entry = {"base": started.model} if isinstance(started.model, str) else dict(started.model)
    try:
        return override(preset(entry.pop("base", "")), entry)
    except SpecError as error:
        raise file.error(where, f"{where[-1]}: model: {error}") from None


def _check_exclude(file: YamlFile, where: tuple[str, ...], group: Group) -> None:
    """Refuse an entry of `exclude` that names a field which no generator has."""
    known = {*group.ablate, *group.add_one, *group.grid, *group.zip, *(group.sample.fields if group.sample else ())}
    for i, excluded in enumerate(group.exclude):
        for name in excluded:
            if name not in known:
                hint = nearest(name, sorted(known))
                raise file.error((*where, "exclude", i), f"exclude: no generator has the field {name!r}{hint}")


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
        taught, pretrained = arm.teacher, arm.pretrained
        if taught and isinstance(taught[0], tuple):
            taught = (find(arm, "teacher", taught[0][1]), taught[1])
        if isinstance(pretrained, tuple):
            pretrained = find(arm, "pretrained", pretrained[1])
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
    file: YamlFile, where: tuple[str, ...], group: Group, base: ModelSpec, named: dict[str, Variant]
) -> dict[str, Variant]:
    """The arms that a group's generators make, after the base itself if no named arm is it."""

    def can_be_built(overrides: dict[str, Any]) -> bool:
        try:
            vary(base, overrides)
        except SpecError as error:
            if error.kind == "unknown_field":
                raise
            return False
        return True

    made: dict[str, Variant] = {}
    kind, arm = "sample", ""
    try:
        for kind, arm, overrides in generate(group, can_be_built):  # noqa: B007 (the error names them)
            if arm in named or arm in made:
                raise SpecError("two arms have this name: rename the one under `arms`, or exclude this one")
            made[arm] = vary(base, overrides)
    except SpecError as error:
        place = next((key for key in getattr(group, kind) or {} if error.blames(key)), "")
        text = f"{kind}: {f'{arm}: ' if arm else ''}{error}"
        raise file.error((*where, kind, place), text, error.kind) from None
    _check_exclude(file, where, group)
    everything = group.model_copy(update={"exclude": [], "sample": None})
    all_made = list(generate(everything, can_be_built)) if group.exclude else []
    for i, excluded in enumerate([] if group.sample else group.exclude):
        if not any(matches(overrides, excluded) for _, _, overrides in all_made):
            inherited = "" if (*where, "exclude", i) in file.lines else " (of the study that this one extends)"
            text = f"exclude: {excluded}{inherited} matches no generated arm; remove or mend it"
            raise file.error((*where, "exclude", i), text)
    if group.generates() and not made:
        raise file.error((*where, "exclude"), "exclude: nothing is left of the generated arms")
    only_reverse = all(arm.startswith("stripped") for arm in made)
    has_base = any(variant.is_base(base) for variant in named.values())
    if made and not has_base and not only_reverse:
        made = {"base": Variant(base)} | made
    return made
