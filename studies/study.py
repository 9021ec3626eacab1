"""Studies: a question about models, as a file, and what it expands to. No torch here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from searchspace.expand import SpecError, nearest, override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.generate import generate
from studies.scale import Scale
from studies.study_file import Group, StudyFile, merged
from studies.trial import TrialSpec
from studies.yaml_file import YamlFile

CATALOG = Path(__file__).with_name("catalog")


@dataclass(frozen=True)
class Arm:
    """A variant in a study: its group, its name, and its model at full size."""

    group: str
    name: str
    model: ModelSpec
    baseline: bool
    optional: bool


@dataclass(frozen=True)
class ScaledArm:
    """An arm at a scale: its model there, or why it cannot be had there."""

    arm: Arm
    model: ModelSpec | None
    refusal: str = ""


@dataclass(frozen=True)
class Study:
    """A study with its arms resolved."""

    name: str
    question: str
    remark: str
    table: int | None
    scale: str
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    bases: dict[str, str]

    def at(self, scale: Scale) -> list[ScaledArm]:
        """All arms at a scale, in order."""
        return [_at(arm, scale) for arm in self.arms]

    def select(self, only: Sequence[str] = (), everything: bool = False) -> list[Arm]:
        """The arms to train: the default ones, all, or those whose name or group matches a pattern.

        Raises:
            SpecError: if a pattern matches nothing (with the nearest names).
        """
        if not only:
            return [arm for arm in self.arms if everything or not arm.optional]
        for pattern in only:
            if not any(_matches(arm, pattern) for arm in self.arms):
                known = [*dict.fromkeys(arm.group for arm in self.arms), *(arm.name for arm in self.arms)]
                raise SpecError(f"no arm or group of {self.name} matches {pattern!r}{nearest(pattern, known)}")
        return [arm for arm in self.arms if any(_matches(arm, pattern) for pattern in only)]


def trials(arms: Sequence[ScaledArm], scale: Scale, seeds: Sequence[int]) -> Iterator[tuple[Arm, TrialSpec]]:
    """Every trial of the arms that can be had at the scale, seed by seed."""
    for seed in seeds:
        for scaled in arms:
            if scaled.model is not None:
                yield (
                    scaled.arm,
                    TrialSpec(model=scaled.model, data=scale.data, recipe=scale.recipe, seed=seed),
                )


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
        arms=tuple(arms),
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
    line = (*children, path.resolve())
    if found.resolve() in line:
        circle = " extends ".join(p.name for p in (*line[line.index(found.resolve()) :], found))
        raise file.error(("extends",), f"a study cannot extend itself: {circle}")
    own = file.data
    file.data = merged(_read(found, line).data, own)
    if "paper" not in own:
        file.data.pop("paper", None)  # another study's table is not this one's
    return file


def _arms(file: YamlFile, where: tuple[str, ...], name: str, group: Group) -> Iterator[Arm]:
    try:
        base = preset(group.base)
    except SpecError as error:
        raise file.error((*where, "base"), str(error)) from None
    models: dict[str, ModelSpec] = {}
    for arm, entry in group.arms.items():
        changes = dict(entry or {})
        place = "base"
        try:
            start = preset(changes.pop("base")) if "base" in changes else base
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
        yield Arm(name, arm, model, arm == baseline, group.optional)


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
    if group.generates() and not models:
        raise file.error((*where, "exclude"), "exclude: nothing is left of the generated arms")
    only_reverse = all(arm.startswith("stripped") for arm in models)
    if models and base not in named.values() and not only_reverse:
        models = {"base": base} | models
    return models


def _at(arm: Arm, scale: Scale) -> ScaledArm:
    try:
        data = scale.data
        return ScaledArm(arm, shrink(arm.model, scale.shrink, data.img_size, data.in_chans, data.num_classes))
    except SpecError as error:
        return ScaledArm(arm, None, str(error))


def _matches(arm: Arm, pattern: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in (arm.name, arm.group))
