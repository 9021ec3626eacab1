"""Which trials a run has, and which of them are missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from searchspace.expand import SpecError
from searchspace.spec import ModelSpec
from studies.language.expansion import ScaledArm, at_scale, check_count, expand
from studies.language.likeness import made_alike
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.language.study import Arm, File, Study, title
from studies.store.store import Store
from studies.trials.scale import Scale
from studies.trials.trial import TrialId, TrialSpec

MOST_AVERAGED = 0.1  # of a run's steps, that a moving average of weights may be over without a word


@dataclass(frozen=True)
class Plan:
    """The trials of a run.

    Attributes:
        arms: each arm with each of its trials.
        others: trials of other studies or scales that these need, with their names.
        refused: arms that cannot be had at the scale.
        names: `arm, seed s` for each trial id; arms of one model share a trial.
    """

    study: Study
    scale: Scale
    store: Store
    arms: list[tuple[Arm, TrialSpec]]
    refused: list[ScaledArm]
    others: dict[TrialId, tuple[str, TrialSpec]] = field(default_factory=dict)

    @property
    def trials(self) -> list[TrialSpec]:
        """Every distinct trial, in order; what is of other studies last."""
        found = {trial.id: trial for _, trial in self.arms}
        return list((found | {i: trial for i, (_, trial) in self.others.items() if i not in found}).values())

    @property
    def alike(self) -> list[str]:
        """What differs among the arms at full size and does not at this scale, as lines."""
        return made_alike(self.arms)

    @property
    def cautions(self) -> list[str]:
        """What may make the numbers of trials mean something else than one thinks, as lines."""
        found: dict[str, None] = {}
        for trial in self.trials:
            recipe = trial.recipe
            steps = recipe.epochs * (trial.data.learned // recipe.batch_size)
            if not recipe.ema or recipe.ema.warmup or trial.pretrained:  # trained weights are no bad start
                continue
            if (over := 1 / (1 - recipe.ema.decay)) > steps * MOST_AVERAGED:
                found[
                    f"recipe.ema.decay {recipe.ema.decay:g} averages over {over:,.0f} of {steps:,} steps: the average, "
                    "which is what is evaluated, lags behind the weights, and early epochs read as chance; "
                    "recipe.ema.warmup: true would mend that"
                ] = None
        return list(found)

    @property
    def waits(self) -> dict[TrialId, list[str]]:
        """For each trial the names of those that are trained before it: its teacher, and what it starts from."""
        names: dict[TrialId, dict[str, None]] = {}
        for arm, trial in self.arms:
            names.setdefault(trial.id, {})[arm.name] = None
        for trial_id, (name, _) in self.others.items():
            names.setdefault(trial_id, {name.rpartition(", seed")[0]: None})
        return {trial.id: [" = ".join(names[needed]) for needed in trial.needs] for trial in self.trials}

    @property
    def missing(self) -> list[TrialSpec]:
        """The trials that are not done; among them those whose weights are gone and another one needs."""
        trials = {trial.id: trial for trial in self.trials}
        open_ = {trial.id for _, trial in self.arms if not self.store.done(trial.id)}
        for _ in trials:  # as deep as any chain of needs
            needed = {i for trial_id in open_ for i in trials[trial_id].needs}
            more = {i for i in needed - open_ if not self.store.done(i, weights=True)}
            if not more:
                break
            open_ |= more
        return [trial for trial_id, trial in trials.items() if trial_id in open_]

    @property
    def files(self) -> dict[Path, str]:
        """The files of weights that arms start from, each with its SHA-256."""
        origins = [origin for arm, _ in self.arms for origin in arm.origins]
        return {origin.path: origin.sha256 for origin in origins if isinstance(origin, File)}

    @property
    def names(self) -> dict[TrialId, str]:
        """A name for each trial id."""
        names: dict[str, list[str]] = {}
        for arm, trial in self.arms:
            names.setdefault(trial.id, []).append(arm.name)
        own = {trial.id: f"{' = '.join(names[trial.id])}, seed {trial.seed}" for _, trial in self.arms}
        return {trial_id: name for trial_id, (name, _) in self.others.items()} | own


def make_plan(
    study: str | Path | Study,
    scale: str | Path | Scale | None,
    seeds: Sequence[int] | None,
    only: Sequence[str],
    everything: bool,
    store: Store,
    baseline_seeds: int | None = None,
    wanted: Callable[[Arm, int], bool] | None = None,
) -> Plan:
    """The plan of a run (see `studies.plan` for what is given).

    `wanted` says which of the seeds an arm has; default: those of the study, more of its baselines where it says so.

    Raises:
        SpecError: for an unknown study, scale or arm, if none of the arms can be had at the scale, or if an arm cannot
            start with the weights of the one it names, or learn from the file it names.
    """
    study = study if isinstance(study, Study) else load_study(str(study), scale)
    scale = scale if isinstance(scale, Scale) else load_scale(str(scale or study.scale))
    chosen = {arm.key for arm in study.select(only, everything)}
    scaled = [item for item in at_scale(study, scale) if item.arm.key in chosen]
    refused = [item for item in scaled if item.model is None]
    if len(refused) == len(scaled):
        raise SpecError(f"no arm can be had at scale {scale.scale}: {refused[0].arm.name}: {refused[0].refusal}")
    if baseline_seeds is not None:
        study = replace(study, baseline_seeds=baseline_seeds)
    if wanted is None:
        own = {arm.key: set(study.seeds_of(arm, seeds)) for arm in study.arms}
        wanted, seeds = (lambda arm, seed: seed in own[arm.key]), study.all_seeds(seeds)
    check_count(len(scaled), len(seeds or study.seeds))
    made = expand(scaled, seeds or study.seeds, wanted)
    plan = Plan(study, scale, store.check(), made.arms, refused, made.others)
    _check_origins(plan)
    return plan


def _check_origins(plan: Plan) -> None:
    """Refuse what an arm starts or learns from if it does not fit; once for each arm, not for each seed."""
    models: dict[str, ModelSpec] = {trial.id: trial.model for trial in plan.trials}
    seen = set()
    for arm, trial in plan.arms:
        if arm.key in seen or not arm.origins:
            continue
        seen.add(arm.key)
        from studies.training.parents import check_start, check_start_from_file, check_teacher

        kind, origin = "pretrained", arm.pretrained
        try:
            if origin and isinstance(trial.pretrained, str):
                check_start(trial.model, models[trial.pretrained])
            elif isinstance(origin, File) and (content := _content(plan, origin)):
                check_start_from_file(trial.model, content, title(origin))
            kind, origin = "teacher", arm.teacher and arm.teacher[0]
            if isinstance(origin, File) and origin.model and (content := _content(plan, origin)):
                check_teacher(origin.model, content, title(origin))
        except ValueError as error:
            name = f"{title(origin)}: " if origin and not isinstance(origin, File) else ""  # a file's begin with it
            raise SpecError(f"{arm.place}: {arm.name}: {kind}: {name}{error}") from None


def _content(plan: Plan, file: File) -> bytes | None:
    """What is in a file; None if it is not the one that the study names, which a run refuses."""
    if not plan.store.has_file(file.path, file.sha256):
        return None
    return file.path.read_bytes() if file.path.is_file() else plan.store.weights_file(file.sha256)
