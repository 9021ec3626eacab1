"""A study at a scale: the arms as they are there, and their trials. No torch here, but for arms that are matched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from searchspace.expand import SpecError, nearest
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.language.equal_cost import matched
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale, own_scale
from studies.language.study import Arm, File, Key, Origin, OtherArm, Study, title
from studies.trials.recipe import Recipe
from studies.trials.scale import Scale
from studies.trials.trial import SEMANTICS, FileTeacher, Teacher, TrialId, TrialSpec, WeightsFile

MOST_TRIALS = 100_000


@dataclass(frozen=True)
class ScaledArm:
    """An arm at a scale: its model there, or why it cannot be had there; `scale` has its own data and recipe."""

    arm: Arm
    model: ModelSpec | None
    scale: Scale
    refusal: str = ""

    @property
    def recipe(self) -> Recipe:
        """By which its model is trained: that of its scale, whose rates may go by width; an arm's own lr wins."""
        if self.model is None or "lr" in self.arm.recipe:
            return self.scale.recipe
        return self.scale.recipe_for(self.model)


@dataclass
class Expansion:
    """The trials of some arms of a study.

    Attributes:
        arms: every arm with each of its trials, seed by seed.
        others: trials of other studies, or of other scales, that are needed, with their names.
    """

    arms: list[tuple[Arm, TrialSpec]] = field(default_factory=list)
    others: dict[TrialId, tuple[str, TrialSpec]] = field(default_factory=dict)


def full_size(study: Study) -> list[ModelSpec]:
    """The model of each arm at full size, made to cost what its baseline does where the study says so.

    Raises:
        SpecError: if no such model can be had, with the place in the file.
    """
    baselines = {arm.group: arm.model for arm in study.arms if arm.baseline}
    models = []
    for arm in study.arms:
        try:
            is_matched = arm.match and not arm.baseline
            models.append(
                matched(arm.model, baselines[arm.group], arm.match) if is_matched and arm.match else arm.model
            )
        except SpecError as error:
            raise SpecError(f"{arm.place}: {arm.name}: {error}") from None
    return models


def at_scale(study: Study, scale: Scale) -> list[ScaledArm]:
    """All arms of a study at a scale, in order."""
    scaled = {arm.key: _at(arm, scale) for arm in study.arms}
    baselines = {arm.group: scaled[arm.key].model for arm in study.arms if arm.baseline}
    for key, item in scaled.items():
        scaled[key] = _with_recipe(_matched(item, baselines[item.arm.group]))
    for key, item in scaled.items():
        scaled[key] = _taught(item, scaled)
    refused = True
    while refused:  # as deep as any chain of needs
        refused = False
        for key, item in scaled.items():
            for needed in item.arm.needs:
                if scaled[needed].model is None and scaled[key].model is not None:
                    why = f"it needs {needed[1]}: {scaled[needed].refusal}"
                    scaled[key], refused = replace(item, model=None, refusal=why), True
    return [scaled[arm.key] for arm in study.arms]


def as_it_is(study: Study, scale: Scale) -> list[ScaledArm]:
    """All arms at full size, with the data and recipe of a scale: to tell which are one and the same."""
    pairs = zip(study.arms, full_size(study), strict=True)
    known = {None, *scale.stages}
    return [ScaledArm(arm, model, own_scale(arm, scale) if arm.stage in known else scale) for arm, model in pairs]


def check_count(arms: int, seeds: int) -> None:
    """Refuse more trials than are asked for at a time, before one is made.

    Raises:
        SpecError: with what would make them fewer.
    """
    if arms * seeds > MOST_TRIALS:
        raise SpecError(
            f"{arms} arms with {seeds} seeds make {arms * seeds} trials, and at most {MOST_TRIALS} are taken at a time"
            ": ask for fewer seeds, or for fewer arms (--only)"
        )


def expand(
    arms: Sequence[ScaledArm],
    seeds: Sequence[int],
    wanted: Callable[[Arm, int], bool] = lambda arm, seed: True,
    semantics: int = SEMANTICS,
) -> Expansion:
    """Every trial of the arms that can be had at the scale, seed by seed. What an arm needs must be among them.

    Args:
        arms: at their scale.
        seeds: that any arm has.
        wanted: which of them an arm has; what it needs at a seed comes along.
        semantics: of the training loop; an older version's trials are those that an older store has.

    Raises:
        SpecError: if what an arm starts from cannot be found or does not fit.
    """
    made = Expansion()
    maker = _Maker(arms, made.others, (), semantics)
    there = {item.arm.key: item.arm for item in arms if item.model is not None}
    for seed in seeds:
        chosen = {key for key, arm in there.items() if wanted(arm, seed)}
        needed = chosen
        while needed:  # as deep as any chain of needs
            needed = {key for found in needed for key in there[found].needs} - chosen
            chosen |= needed
        made.arms += [(arm, maker.trial(key, seed)) for key, arm in there.items() if key in chosen]
    return made


def trials(
    arms: Sequence[ScaledArm],
    seeds: Sequence[int],
    wanted: Callable[[Arm, int], bool] = lambda arm, seed: True,
    semantics: int = SEMANTICS,
) -> Iterator[tuple[Arm, TrialSpec]]:
    """The arms of `expand`, each with its trials."""
    yield from expand(arms, seeds, wanted, semantics).arms


class _Maker:
    """Makes the trials of some arms, and those that they start from, each once."""

    def __init__(
        self,
        arms: Sequence[ScaledArm],
        others: dict[TrialId, tuple[str, TrialSpec]],
        asked: tuple[OtherArm, ...],
        semantics: int,
    ) -> None:
        self.others, self.asked, self.semantics = others, asked, semantics
        self.arms = {item.arm.key: item for item in arms}
        self.made: dict[tuple[Key, int], TrialSpec] = {}
        self.makers: dict[OtherArm, _Maker] = {}

    def trial(self, key: Key, seed: int) -> TrialSpec:
        if (key, seed) not in self.made:
            item = self.arms[key]
            assert item.model is not None
            self.made[key, seed] = TrialSpec(
                model=item.model,
                data=item.scale.data,
                recipe=item.recipe,
                seed=seed,
                teacher=self._teacher(item, seed),
                pretrained=item.arm.pretrained and self._origin(item.arm.pretrained, item, seed),
                semantics=self.semantics,
            )
        return self.made[key, seed]

    def _teacher(self, item: ScaledArm, seed: int) -> Teacher | FileTeacher | None:
        if item.arm.teacher is None:
            return None
        origin, rule = item.arm.teacher
        found = self._origin(origin, item, seed)
        assert item.model is not None
        if isinstance(found, WeightsFile):
            assert isinstance(origin, File) and origin.model is not None
            hint = "; where it is made for these, say so in its `model`: img_size, num_classes"
            _check_fits(item, title(origin), origin.model, hint)
            return FileTeacher(file=found, model=origin.model, **rule.model_dump())
        if isinstance(origin, OtherArm):
            _check_fits(item, title(origin), self.others[found][1].model)
        return Teacher(trial=found, **rule.model_dump())

    def _origin(self, origin: Origin, item: ScaledArm, seed: int) -> TrialId | WeightsFile:
        if isinstance(origin, File):
            return WeightsFile(sha256=origin.sha256)
        if not isinstance(origin, OtherArm):
            return self.trial(origin, seed).id
        seed = seed if origin.seed is None else origin.seed
        maker, key = self._other(origin, item)
        trial = maker.trial(key, seed)
        self.others[trial.id] = (f"{title(origin)}, seed {seed}", trial)
        for needed in trial.needs:  # arms of that study that this one needs
            found = next((t for t in maker.made.values() if t.id == needed), None)
            if found is not None:
                self.others.setdefault(needed, (f"what {origin.arm} of {origin.study} needs, seed {seed}", found))
        return trial.id

    def _other(self, origin: OtherArm, item: ScaledArm) -> tuple["_Maker", Key]:
        """What makes the trials of another study, and the arm there."""
        if origin in self.asked:
            circle = " needs ".join(title(other) for other in (*self.asked[self.asked.index(origin) :], origin))
            raise SpecError(f"{item.arm.place}: arms cannot need each other in a circle: {circle}")
        if origin not in self.makers:
            study = load_study(origin.study, origin.scale)
            scale = load_scale(origin.scale or study.scale)
            self.makers[origin] = _Maker(at_scale(study, scale), self.others, (*self.asked, origin), self.semantics)
        maker = self.makers[origin]
        found = [key for key, other in maker.arms.items() if other.arm.is_called(origin.arm)]
        where = f"{item.arm.place}: {item.arm.name}"
        if not found:
            raise SpecError(
                f"{where}: no arm {origin.arm!r} in {origin.study}{nearest(origin.arm, [key[1] for key in maker.arms])}"
            )
        refusal = maker.arms[found[0]].refusal
        if refusal:
            raise SpecError(f"{where}: {title(origin)} is not at its scale: {refusal}")
        return maker, found[0]


def _misfit(item: ScaledArm, name: str, teacher: ModelSpec) -> str:
    """Why a teacher cannot teach an arm, which looks at the same pictures and tells the same classes; "" if it can."""
    model = item.model
    assert model is not None
    if model.img_size != (item.scale.data.img_size,) * 2:
        return ""  # an arm at full size, as it is shown: nothing is trained so
    if (teacher.img_size, teacher.in_chans, teacher.num_classes) == (model.img_size, model.in_chans, model.num_classes):
        return ""
    return (
        f"teacher: {name} takes pictures of {teacher.img_size[0]} x {teacher.img_size[1]} and tells "
        f"{teacher.num_classes} classes, where its student has {model.img_size[0]} x {model.img_size[1]} and "
        f"{model.num_classes}"
    )


def _check_fits(item: ScaledArm, name: str, teacher: ModelSpec, hint: str = "") -> None:
    misfit = _misfit(item, name, teacher)
    if misfit:
        raise SpecError(f"{item.arm.place}: {item.arm.name}: {misfit}{hint}")


def _at(arm: Arm, scale: Scale) -> ScaledArm:
    try:
        own = own_scale(arm, scale)
        data = own.data
        model = shrink(arm.model, own.shrink, data.img_size, data.in_chans, data.num_classes, arm.own)
        return ScaledArm(arm, model, own)
    except SpecError as error:
        return ScaledArm(arm, None, scale, str(error))


def _with_recipe(item: ScaledArm) -> ScaledArm:
    """An arm, refused if its model cannot be trained at the rate that its scale has for its width."""
    try:
        _ = item.recipe
    except SpecError as error:
        return replace(item, model=None, refusal=f"recipe: {error}")
    return item


def _taught(item: ScaledArm, scaled: Mapping[Key, ScaledArm]) -> ScaledArm:
    """An arm, refused if its teacher is an arm of its study that looks at other pictures, at another stage say."""
    teacher = item.arm.teacher[0] if item.arm.teacher else None
    if item.model is None or not isinstance(teacher, tuple):
        return item
    model = scaled[teacher].model
    misfit = model and _misfit(item, teacher[1], model)
    return replace(item, model=None, refusal=misfit) if misfit else item


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
