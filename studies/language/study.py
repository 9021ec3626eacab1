"""Studies: a question about models, with its arms resolved. What they are at a scale is in `expansion`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import count, islice
from pathlib import Path
from typing import Any

from searchspace.bounds import Within
from searchspace.expand import SpecError, nearest
from searchspace.spec import ModelSpec
from studies.language.study_file import Match
from studies.trials.seeds import MOST_SEEDS, numbered
from studies.trials.trial import Distillation

Key = tuple[str, str]  # group and name of an arm


@dataclass(frozen=True)
class OtherArm:
    """An arm of another study, or of this one at another scale, that an arm starts from.

    Attributes:
        study: name of a study that ships, or the path of a file.
        scale: name or path; none: that study's own.
        seed: that it was trained with; none: that of the arm.
    """

    study: str
    arm: str
    scale: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class File:
    """A file of weights that an arm starts from; the digest is that of its content, the model that of a teacher."""

    path: Path
    sha256: str
    model: ModelSpec | None = None


Origin = Key | OtherArm | File


def title(origin: Origin) -> str:
    """An origin as users name it."""
    if isinstance(origin, OtherArm):
        return f"{origin.arm} of {origin.study}" + (f" at {origin.scale}" if origin.scale else "")
    return origin.path.name if isinstance(origin, File) else origin[1]


@dataclass(frozen=True)
class Arm:
    """A variant in a study.

    Attributes:
        model: at full size; before `match`, if there is one (see `expansion.full_size`).
        own: what the arm itself says of its model, by dotted field: no scale overwrites that.
        data: what it changes of the scale's data, by dotted field.
        recipe: what it changes of the scale's recipe.
        stage: of the scale, that it is trained at; none: the scale as it is.
        teacher: what teaches this arm, and how.
        pretrained: whose weights this one starts with.
        match: what is changed of it so that it costs what its group's baseline does, at any scale.
        place: file and line, for errors.
        preset: that it starts from.
        grid: the values that it has of the fields of a grid, by dotted field; none: no grid made it.
        long_name: of a generated arm, by all that it changes: is understood wherever its name is.
    """

    group: str
    name: str
    model: ModelSpec
    baseline: bool
    optional: bool
    own: Mapping[str, Any] = field(default_factory=dict, hash=False)
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)
    recipe: Mapping[str, Any] = field(default_factory=dict, hash=False)
    stage: str | None = None
    teacher: tuple[Origin, Distillation] | None = None
    pretrained: Origin | None = None
    match: Match | None = None
    place: str = ""
    long_name: str = ""
    preset: str = ""
    grid: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def is_called(self, name: str) -> bool:
        """Whether a name means this arm."""
        return name in (self.name, self.long_name)

    @property
    def key(self) -> Key:
        """What tells it from the study's other arms."""
        return self.group, self.name

    def is_like(self, other: "Arm") -> bool:
        """Whether it is trained as the other is, whatever the group; not known of arms that are matched to theirs."""
        one, two = (replace(arm, group="", baseline=False, optional=False, place="") for arm in (self, other))
        return self is other or (one == two and self.match is None)

    @property
    def full_name(self) -> str:
        """Its group and its name."""
        return f"{self.group}/{self.name}" if self.group else self.name

    @property
    def beside_model(self) -> list[str]:
        """What it is trained at, learns from and starts from, in words."""
        parts = [f"stage {self.stage}"] if self.stage else []
        if self.teacher:
            origin, rule = self.teacher
            more = f", tau {rule.tau:g}" if rule.kind == "soft" else ""
            parts.append(f"teacher {title(origin)} ({rule.kind}, alpha {rule.alpha:g}{more})")
        return parts + ([f"starts from {title(self.pretrained)}"] if self.pretrained else [])

    @property
    def origins(self) -> list[Origin]:
        """What it starts or learns from."""
        return [origin for origin in (self.teacher and self.teacher[0], self.pretrained) if origin]

    @property
    def needs(self) -> list[Key]:
        """The arms of its study that must be trained before it."""
        return [origin for origin in self.origins if isinstance(origin, tuple)]


@dataclass(frozen=True)
class Study:
    """A study with its arms resolved; `path` is its file.

    Attributes:
        searches: whether the file has a search too.
        baseline_seeds: how many seeds the baselines have at least; none: as many as the other arms.
    """

    name: str
    question: str
    remark: str
    table: int | None
    scale: str
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    bases: dict[str, str]
    path: Path | None = None
    searches: bool = False
    baseline_seeds: int | None = None

    def seeds_of(self, arm: Arm, seeds: Sequence[int] | None = None) -> tuple[int, ...]:
        """The seeds of an arm, of those asked for or the study's; a baseline's may go on with other numbers."""
        own = tuple(seeds or self.seeds)
        return lengthened(own, self.baseline_seeds or 0) if arm.baseline else own

    def all_seeds(self, seeds: Sequence[int] | None = None) -> tuple[int, ...]:
        """Those of any arm, in order."""
        return tuple(dict.fromkeys(seed for arm in self.arms for seed in self.seeds_of(arm, seeds)))

    def select(self, only: Sequence[str] = (), everything: bool = False) -> list[Arm]:
        """The arms to train: the default ones, all, or those whose name or group matches; and those that they need.

        Raises:
            SpecError: if a pattern matches nothing (with the nearest names).
        """
        if not only:
            return self._with_needs([arm for arm in self.arms if everything or not arm.optional])
        return self._with_needs(self.matching(only))

    def matching(self, only: Sequence[str]) -> list[Arm]:
        """The arms whose name or group matches a pattern, and no others.

        Raises:
            SpecError: if a pattern matches nothing (with the nearest names).
        """
        found: set[Key] = set()
        for pattern in only:
            of_pattern = _called(self.arms, pattern)
            found |= {arm.key for arm in of_pattern}
            if not of_pattern:
                known = [*dict.fromkeys(arm.group for arm in self.arms), *(arm.name for arm in self.arms)]
                raise SpecError(f"no arm or group of {self.name} matches {pattern!r}{nearest(pattern, known)}")
        return [arm for arm in self.arms if arm.key in found]

    def arm_called(self, name: str) -> Arm:
        """The arm that a name means: its own, or GROUP/ARM where several groups have it and it is not one and the same.

        Raises:
            SpecError: if there is none (with the nearest names), or there are several.
        """
        found = [arm for arm in self.arms if arm.is_called(name) or name == arm.full_name]
        if found and all(arm.is_like(found[0]) for arm in found):
            return found[0]
        if found:
            raise SpecError(
                f"{name!r} is in several groups of {self.name}: {', '.join(arm.full_name for arm in found)}"
            )
        known = [arm.name for arm in self.arms] + [arm.full_name for arm in self.arms if "/" in name]
        raise SpecError(f"no arm {name!r} in {self.name}{nearest(name, dict.fromkeys(known))}")

    def _with_needs(self, arms: Sequence[Arm]) -> list[Arm]:
        wanted = {arm.key for arm in arms}
        before = 0
        while len(wanted) > before:
            before = len(wanted)
            wanted |= {key for arm in self.arms if arm.key in wanted for key in arm.needs}
        return [arm for arm in self.arms if arm.key in wanted]


def lengthened(seeds: Sequence[int], least: int) -> tuple[int, ...]:
    """These seeds, and then the least numbers that are not among them, until there are so many."""
    others = (number for number in count() if number not in seeds)
    return tuple(seeds) + tuple(islice(others, max(0, least - len(seeds))))


def _called(arms: Sequence[Arm], pattern: str) -> list[Arm]:
    """The arms whose name or group is this, to the letter; if there are none, those that it matches as a pattern."""
    names = {arm.key: [n.lower() for n in (arm.name, arm.group, arm.long_name, arm.full_name)] for arm in arms}
    exact = [arm for arm in arms if pattern.lower() in names[arm.key]]
    return exact or [arm for arm in arms if any(fnmatchcase(name, pattern.lower()) for name in names[arm.key])]


def seed_list(seeds: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """Seeds as they are given, how many or which, as a list.

    Raises:
        SpecError: if there is none, there are too many, or one is negative or given twice.
    """
    try:
        return None if seeds is None else numbered(seeds)
    except ValueError as error:
        raise SpecError(f"seeds: {error}") from None


def checked_count(seeds: int | None, name: str = "baseline_seeds") -> int | None:
    """A number of seeds as it is given.

    Raises:
        SpecError: if it is none.
    """
    try:
        return None if seeds is None else Within(1, MOST_SEEDS).check(seeds, whole=True)
    except ValueError as error:
        raise SpecError(f"{name}: {error}") from None
