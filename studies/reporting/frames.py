"""Results of a study as pandas frames."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from searchspace.spec import to_dict
from studies.language.expansion import at_scale, check_count, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.language.study import Arm, Study, seed_list
from studies.store.errors import DamagedError
from studies.store.store import Store
from studies.trials.results import PACKAGES, EpochRecord
from studies.trials.scale import Scale
from studies.trials.trial import SEMANTICS, Teacher, TrialSpec, WeightsFile

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("study", "scale", "group", "arm", "seed", "trial")
EPOCH = tuple(EpochRecord.__annotations__)
FIGURES = (
    "top1",
    "top5",
    "loss",
    "train_loss",
    "params",
    "trainable",
    "macs",
    "activations",
    "seconds",
    "images_per_second",
    "peak_memory_mb",
    "device",
    "host",
    "data_fingerprint",
    "corrupt_pictures",
    "finished_at",
    "test_pictures",
)
TEXTS = ("device", "host", "data_fingerprint", "finished_at", "notes")
VERSIONS = ("python", *PACKAGES)


def results(
    study: str | Path | Study,
    runs_dir: str | Path | None = None,
    scale: str | Path | Scale | None = None,
    seeds: int | Sequence[int] | None = None,
) -> "pd.DataFrame":
    """One row a trial of a study: names, seed, scale, figures (empty until done), state, versions, the model's fields.

    top1 and top5 in %, over test_pictures; macs in multiply-adds and activations in values for one picture, seconds of
    training and evaluation, peak_memory_mb in MiB. Seeds: those asked for, else the study's own and every other in the
    store. The frame's `attrs` name the study, scale and store that were read; a store that is not there is a
    `NoStoreWarning`.

    Raises:
        SpecError: if there is no such study or scale.
    """
    import pandas as pd

    asked = _Asked(study, runs_dir, scale)
    frame = with_numbers(pd.DataFrame([row for _, row in asked.rows(seeds)]), FIGURES)
    frame.attrs |= asked.names
    return frame


def history(
    study: str | Path | Study,
    runs_dir: str | Path | None = None,
    scale: str | Path | Scale | None = None,
    seeds: int | Sequence[int] | None = None,
) -> "pd.DataFrame":
    """One row an epoch of every finished trial: group, arm, seed, trial, epoch, lr, train_loss, top1, loss, ...

    `test_pictures` says how many test pictures the accuracy is over: at some scales fewer before the last epoch.
    `attrs` and warnings as those of `results`.
    """
    import pandas as pd

    asked = _Asked(study, runs_dir, scale)
    rows = []
    for trial, row in asked.rows(seeds):
        names = {key: row[key] for key in NAMES}
        rows += [names | plain_record(record) for record in epochs_of(asked.store, trial.id)]
    frame = with_numbers(pd.DataFrame(rows, columns=None if rows else [*NAMES, *EPOCH]), EPOCH)
    frame.attrs |= asked.names
    return frame


def with_numbers(frame: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
    """A frame whose columns of numbers are so too where nothing is trained: NaN, and not objects that nothing plots."""
    import pandas as pd

    numbers = [name for name in columns if name not in TEXTS and name in frame]
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in numbers})


def plain_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an epoch with its notes as one text, so that a column has one type."""
    return {**record, "notes": "; ".join(record.get("notes", []))}


class _Asked:
    """What a frame is asked of: a study at a scale, in a store."""

    def __init__(
        self, study: str | Path | Study, runs_dir: str | Path | None, scale: str | Path | Scale | None
    ) -> None:
        self.study = study if isinstance(study, Study) else load_study(str(study), scale)
        self.scale = scale if isinstance(scale, Scale) else load_scale(str(scale or self.study.scale))
        self.store = Store(store_root(runs_dir)).check_there()
        self.names = {"study": self.study.name, "scale": self.scale.scale, "store": self.store.root}

    def rows(self, seeds: int | Sequence[int] | None) -> Iterable[tuple[TrialSpec, dict[str, Any]]]:
        """Each trial with its row."""
        found = known_trials(self.store, self.study, self.scale, seed_list(seeds))
        remembered: dict[tuple[int, ...], dict[str, Any]] = {}  # the trials of an arm have the same specs

        def columns(trial: TrialSpec) -> dict[str, Any]:
            key = id(trial.model), id(trial.data), id(trial.recipe)
            if key not in remembered:
                remembered[key] = fields(trial)
            return remembered[key]

        for arm, trial in found:
            row: dict[str, Any] = {
                "study": self.study.name,
                "scale": self.scale.scale,
                "group": arm.group,
                "arm": arm.name,
                "baseline": arm.baseline,
                "stage": arm.stage,
                "seed": trial.seed,
                "trial": trial.id,
            }
            yield trial, row | measured(self.store, trial, columns)


def store_root(runs_dir: str | Path | None) -> str | Path:
    """The store that is meant: the one that is named, else $STUDIES_RUNS_DIR, else ./runs."""
    return runs_dir or os.environ.get("STUDIES_RUNS_DIR") or "runs"


def measured(
    store: Store, trial: TrialSpec, columns: Callable[[TrialSpec], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """What a row has of a trial beside its names: state, figures, versions, and what `columns` gives (`fields`)."""
    state, found = store.look(trial.id)
    figures: Mapping[str, Any] = found or {}
    early = store.pruned(trial.id) or {} if state == "pruned" else {}
    row: dict[str, Any] = {
        "status": state,
        "reason": _reason(store, trial.id, state, early),
        "epochs": early.get("epoch") or figures.get("epochs") or None,
        "pretrained": trial.pretrained.sha256 if isinstance(trial.pretrained, WeightsFile) else trial.pretrained,
    }
    row |= {f"teacher.{name}": getattr(trial.teacher, name, None) for name in Teacher.model_fields}
    row |= {name: figures.get(name) for name in FIGURES}
    row |= {f"version_{name}": text for name, text in (dict.fromkeys(VERSIONS) | figures.get("versions", {})).items()}
    row["version_training_loop"] = None if found is None else str(trial.semantics)
    return row | (columns or fields)(trial)


def fields(trial: TrialSpec) -> dict[str, Any]:
    """The fields of a trial's model, data and recipe."""
    parts = {"model": to_dict(trial.model), "data": trial.data.model_dump(mode="json")}
    parts["recipe"] = trial.recipe.model_dump(mode="json")
    return {f"{part}.{name}": value for part, plain in parts.items() for name, value in flat(plain).items()}


def epochs_of(store: Store, trial_id: str) -> list[EpochRecord]:
    """A trial's epochs; none if it is not done, or they are damaged (`studies store verify` says so)."""
    try:
        return store.history(trial_id)
    except DamagedError:
        return []


def _reason(store: Store, trial_id: str, state: str, early: dict[str, Any]) -> str:
    """Why a trial is in its state, where that is not plain."""
    if state == "damaged":
        return "its result is damaged; the next run trains it anew"
    if "epoch" in early:
        return f"stopped early after epoch {early['epoch']} at top-1 {early['top1']:.1f} %"
    note = early or store.failure(trial_id) or {}
    return note.get("reason", "") if state in ("failed", "pruned") else ""


def known_trials(store: Store, study: Study, scale: Scale, seeds: Sequence[int] | None) -> list[tuple[Arm, TrialSpec]]:
    """A study's trials of these seeds; by default of its own, and those of other seeds that the store has.

    Of an arm and a seed that the store has only from an older training loop, the newest of these.
    """
    check_count(len(study.arms), len(seeds or ()))
    own = {arm.key: set(study.seeds_of(arm, seeds)) for arm in study.arms}
    scaled, there = at_scale(study, scale), set(store.ids())
    asked = study.all_seeds(seeds) if seeds else sorted({*study.all_seeds(), *store.seeds()})

    def of(semantics: int) -> list[tuple[Arm, TrialSpec]]:
        wanted = (lambda arm, seed: seed in own[arm.key]) if seeds else (lambda arm, seed: True)
        return list(trials(scaled, asked, wanted, semantics))

    found = of(SEMANTICS)
    for older in range(SEMANTICS - 1, 0, -1):
        if there <= {trial.id for _, trial in found}:
            break
        pairs = zip(found, of(older), strict=True)
        found = [old if old[1].id in there and new[1].id not in there else new for new, old in pairs]
    return [(arm, trial) for arm, trial in found if seeds or trial.seed in own[arm.key] or trial.id in there]


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain data with dotted keys; lists as text, so that a column has one type."""
    made: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            made |= flat(value, f"{prefix}{key}.")
        else:
            made[f"{prefix}{key}"] = str(value) if isinstance(value, list) else value
    return made
