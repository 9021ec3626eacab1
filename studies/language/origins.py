"""What an arm starts or learns from: another arm, of this study or another one, or a file."""

import hashlib
from collections.abc import Container
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from searchspace.expand import SpecError, nearest, one_line, override
from searchspace.libraries import named_model
from searchspace.spec import ModelSpec
from studies.language.catalog import names
from studies.language.study import Arm, File, Key, Origin, OtherArm
from studies.language.study_file import Started, Taught
from studies.language.yaml_file import YamlFile
from studies.trials.trial import Distillation


def origins_of(file: YamlFile, where: tuple[str, ...], group: str, changes: dict[str, Any]) -> dict[str, Any]:
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
        return named_model(entry) if "library" in entry else override(named_model(entry.pop("base", "")), entry)
    except SpecError as error:
        raise file.error(where, f"{where[-1]}: model: {error}") from None


def linked(file: YamlFile, groups: Container[str], arms: list[Arm]) -> list[Arm]:
    """The arms with what they need found: in their own group, else the only arm of that name.

    `groups` are those that the file names; other arms are the study's own.

    Raises:
        SpecError: if there is no such arm, several are meant, or arms need each other in a circle.
    """

    def place(arm: Arm, kind: str) -> tuple[str, ...]:
        return (*(("groups", arm.group) if arm.group in groups else ()), "arms", arm.name, kind)

    def find(arm: Arm, kind: str, name: str) -> Key:
        there = [other.key for other in arms if other.is_called(name)]
        own = [key for key in there if key[0] == arm.group] or there
        if len(own) != 1:
            hint = f"; it is in the groups {', '.join(key[0] for key in own)}" if own else nearest(name, known)
            raise file.error(place(arm, kind), f"{arm.name}: {kind}: {name!r} is {_which(own)}{hint}")
        return own[0]

    known = [arm.name for arm in arms]
    found = []
    for arm in arms:
        taught, pretrained = arm.teacher, arm.pretrained
        if taught and isinstance(taught[0], tuple):
            taught = (find(arm, "teacher", taught[0][1]), taught[1])
        if isinstance(pretrained, tuple):
            pretrained = find(arm, "pretrained", pretrained[1])
        found.append(replace(arm, teacher=taught, pretrained=pretrained))
    try:
        TopologicalSorter({arm.key: arm.needs for arm in found}).prepare()
    except CycleError as error:
        circle: list[Key] = list(reversed(error.args[1]))  # each needs the next
        first = next(arm for arm in found if arm.key == circle[0])
        kind = "teacher" if first.teacher and first.teacher[0] == circle[1] else "pretrained"
        text = " needs ".join(key[1] for key in circle)
        raise file.error(place(first, kind), f"arms cannot need each other in a circle: {text}") from None
    return found


def _which(found: list[Key]) -> str:
    return "more than one arm" if found else "no arm of this study"
