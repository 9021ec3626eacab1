"""Studies: a question about models, as a file, and what it expands to. No torch here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt, model_validator

from searchspace.expand import SpecError, nearest, override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec, Spec
from studies.scale import Scale
from studies.trial import TrialSpec
from studies.yaml_file import YamlFile

CATALOG = Path(__file__).with_name("catalog")
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class Group(Spec):
    """Arms that are compared with one baseline."""

    base: str = Field(description="preset that the arms change")
    baseline: str | None = Field(None, description="arm that the others are compared with; default: the first")
    optional: bool = Field(False, description="trained only with --all or when named by --only")
    arms: dict[str, dict[str, Any] | None] = Field(
        min_length=1, description="name of the arm: dotted overrides of the base; `base` takes another preset"
    )


class PaperRef(Spec):
    """What of the paper a study reproduces."""

    table: int = Field(ge=1, le=7)


class StudyFile(Spec):
    """A study file. Either `groups`, or `base` and `arms` for a study of one group."""

    study: str = Field(pattern=NAME, description="name: letters, digits, _, . and -")
    question: str = ""
    paper: PaperRef | None = None
    scale: str = "digits"
    seeds: PositiveInt | list[int] = Field(3, description="how many (0, 1, ...), or a list")
    groups: dict[str, Group] = Field({})
    base: str | None = None
    baseline: str | None = None
    arms: dict[str, dict[str, Any] | None] | None = None

    @model_validator(mode="after")
    def _check(self) -> "StudyFile":
        if bool(self.groups) == bool(self.base and self.arms):
            raise ValueError("a study has either `groups`, or `base` and at least one of `arms`")
        return self


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
    file = YamlFile(path)
    content = file.validate(StudyFile)
    arms: list[Arm] = []
    groups = content.groups
    if not groups:
        assert content.base and content.arms
        groups = {content.study: Group(base=content.base, baseline=content.baseline, arms=content.arms)}
    for name, group in groups.items():
        arms += _arms(file, ("groups", name) if content.groups else (), name, group)
    seeds = content.seeds
    return Study(
        name=content.study,
        question=content.question,
        table=content.paper.table if content.paper else None,
        scale=content.scale,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(dict.fromkeys(seeds)),
        arms=tuple(arms),
        bases={name: group.base for name, group in groups.items()},
    )


def _arms(file: YamlFile, where: tuple[str, ...], name: str, group: Group) -> Iterator[Arm]:
    baseline = group.baseline or next(iter(group.arms))
    if baseline not in group.arms:
        hint = nearest(baseline, group.arms)
        raise file.error((*where, "baseline"), f"the baseline {baseline!r} is no arm of {name!r}{hint}")
    try:
        base = preset(group.base)
    except SpecError as error:
        raise file.error((*where, "base"), str(error)) from None
    for arm, entry in group.arms.items():
        changes = dict(entry or {})
        place = "base"
        try:
            start = preset(changes.pop("base")) if "base" in changes else base
            place = next(iter(changes), "")
            model = override(start, changes)
        except SpecError as error:
            place = next((key for key in changes if f"'{key}'" in str(error)), place)
            raise file.error((*where, "arms", arm, place), f"{arm}: {error}") from None
        yield Arm(name, arm, model, arm == baseline, group.optional)


def _at(arm: Arm, scale: Scale) -> ScaledArm:
    try:
        data = scale.data
        return ScaledArm(arm, shrink(arm.model, scale.shrink, data.img_size, data.in_chans, data.num_classes))
    except SpecError as error:
        return ScaledArm(arm, None, str(error))


def _matches(arm: Arm, pattern: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in (arm.name, arm.group))
