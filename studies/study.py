"""Studies: a question about models, and what it expands to at a scale. No torch here, but for arms that are matched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from searchspace.expand import SpecError, nearest
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.equal import matched
from studies.scale import Scale
from studies.study_file import Match
from studies.trial import Distillation, Teacher, TrialSpec

Key = tuple[str, str]  # group and name of an arm


@dataclass(frozen=True)
class Arm:
    """A variant in a study.

    Attributes:
        model: at full size.
        teacher: arm that teaches this one, and how.
        pretrained: arm whose weights this one starts with.
        match: what is changed of it so that it costs what its group's baseline does, at any scale.
    """

    group: str
    name: str
    model: ModelSpec
    baseline: bool
    optional: bool
    teacher: tuple[Key, Distillation] | None = None
    pretrained: Key | None = None
    match: Match | None = None

    @property
    def key(self) -> Key:
        """What tells it from the study's other arms."""
        return self.group, self.name

    @property
    def needs(self) -> list[Key]:
        """The arms that must be trained before it."""
        return [key for key in (self.teacher and self.teacher[0], self.pretrained) if key]


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
        scaled = {arm.key: _at(arm, scale) for arm in self.arms}
        baselines = {arm.group: scaled[arm.key].model for arm in self.arms if arm.baseline}
        for key, item in scaled.items():
            scaled[key] = _matched(item, baselines[item.arm.group])
        for _ in scaled:  # as deep as any chain of needs
            for key, item in scaled.items():
                for needed in item.arm.needs:
                    if scaled[needed].model is None and item.model is not None:
                        why = f"it needs {needed[1]}: {scaled[needed].refusal}"
                        scaled[key] = replace(item, model=None, refusal=why)
        return [scaled[arm.key] for arm in self.arms]

    def select(self, only: Sequence[str] = (), everything: bool = False) -> list[Arm]:
        """The arms to train: the default ones, all, or those whose name or group matches; and those that they need.

        Raises:
            SpecError: if a pattern matches nothing (with the nearest names).
        """
        if not only:
            return self._with_needs([arm for arm in self.arms if everything or not arm.optional])
        for pattern in only:
            if not any(_matches(arm, pattern) for arm in self.arms):
                known = [*dict.fromkeys(arm.group for arm in self.arms), *(arm.name for arm in self.arms)]
                raise SpecError(f"no arm or group of {self.name} matches {pattern!r}{nearest(pattern, known)}")
        return self._with_needs([arm for arm in self.arms if any(_matches(arm, pattern) for pattern in only)])

    def _with_needs(self, arms: Sequence[Arm]) -> list[Arm]:
        wanted = {arm.key for arm in arms}
        for _ in self.arms:
            wanted |= {key for arm in self.arms if arm.key in wanted for key in arm.needs}
        return [arm for arm in self.arms if arm.key in wanted]


def trials(arms: Sequence[ScaledArm], scale: Scale, seeds: Sequence[int]) -> Iterator[tuple[Arm, TrialSpec]]:
    """Every trial of the arms that can be had at the scale, seed by seed. What an arm needs must be among them."""
    by_key = {item.arm.key: item for item in arms}
    for seed in seeds:
        made: dict[Key, TrialSpec] = {}

        def trial(key: Key, seed: int = seed, made: dict[Key, TrialSpec] = made) -> TrialSpec:
            if key not in made:
                item = by_key[key]
                assert item.model is not None
                taught, pretrained = item.arm.teacher, item.arm.pretrained
                made[key] = TrialSpec(
                    model=item.model,
                    data=scale.data,
                    recipe=scale.recipe,
                    seed=seed,
                    teacher=taught and Teacher(trial=trial(taught[0]).id, **taught[1].model_dump()),
                    pretrained=pretrained and trial(pretrained).id,
                )
            return made[key]

        for item in arms:
            if item.model is not None:
                yield item.arm, trial(item.arm.key)


def _at(arm: Arm, scale: Scale) -> ScaledArm:
    try:
        data = scale.data
        return ScaledArm(arm, shrink(arm.model, scale.shrink, data.img_size, data.in_chans, data.num_classes))
    except SpecError as error:
        return ScaledArm(arm, None, str(error))


def _matched(item: ScaledArm, baseline: ModelSpec | None) -> ScaledArm:
    rule = item.arm.match
    if item.model is None or rule is None or item.arm.baseline:
        return item
    if baseline is None:
        return replace(item, model=None, refusal="the baseline that it is matched with is not at this scale")
    try:
        return replace(item, model=matched(item.model, baseline, rule))
    except SpecError as error:
        return replace(item, model=None, refusal=str(error))


def _matches(arm: Arm, pattern: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in (arm.name, arm.group))
