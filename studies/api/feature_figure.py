"""The figure `features`: feature maps of trained models of a study, as figure 2 of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reports.feature_figures import Features, draw_features
from searchspace.expand import SpecError
from searchspace.spec import CnnSpec, ModelSpec
from studies.language.study import Arm
from studies.reporting.asked import Asked
from studies.reporting.frames import known_trials
from studies.trials.trial import TrialSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = 512  # of the test split, that channels are measured over
MOST_MODELS = 6  # rows that a page has room for
FAMILIES = {"cnn": "CNN", "patch": "ViT", "t2t": "T2T-ViT", "conv": "ViT with a convolutional tokenizer"}


@dataclass(frozen=True)
class Chosen:
    """A trained arm that is shown, with its weights (safetensors)."""

    arm: Arm
    trial: TrialSpec
    weights: bytes


def features(asked: Asked) -> "Figure":
    """Maps of an early, a middle and a late layer for one test picture, and the share of near-zero channels by layer.

    Of each arm that `only` names, the first seed with weights; without `only`, of the first trained CNN, the first ViT,
    the first T2T-ViT, and the first with a convolutional tokenizer, all of the data of the first that is found.

    Raises:
        SpecError: if none has weights, they are of different data or more than MOST_MODELS, or the data is not there.
    """
    return draw_features(found_features(asked))


def found_features(asked: Asked) -> Features:
    """The numbers of `features`."""
    chosen = chosen_trials(asked)
    measured = _measured(chosen)
    named = {one.arm.key for one in chosen}
    missing = [arm.name for arm in asked.study.matching(asked.only) if arm.key not in named] if asked.only else []
    notes = (f"No weights in the store: {', '.join(missing)}.",) if missing else ()
    return replace(measured, title=f"Feature maps: {asked.study.name} at scale {asked.scale.scale}", notes=notes)


def family(model: ModelSpec) -> str:
    """What a model is, in the words of the paper's figure 2."""
    return FAMILIES["cnn" if isinstance(model, CnnSpec) else model.tokenizer.kind]


def chosen_trials(asked: Asked) -> list[Chosen]:
    """The trials that are shown: one of each arm that is asked for, else one of each family.

    Raises:
        SpecError: if none has weights, they are of different data, or more than MOST_MODELS.
    """
    study, store, only = asked.study, asked.store, asked.only
    wanted = {arm.key for arm in study.matching(only)} if only else {arm.key for arm in study.arms}
    found: dict[object, Chosen] = {}
    for arm, trial in known_trials(store, study, asked.scale, asked.seeds):
        what = arm.key if only else family(trial.model)
        if arm.key not in wanted or what in found or store.state(trial.id) != "done":
            continue
        if not only and found and trial.data != next(iter(found.values())).trial.data:
            continue  # one picture is shown
        if (weights := store.weights(trial.id)) is not None:
            found[what] = Chosen(arm, trial, weights)
    if not found:
        of = f"{' and '.join(only)} of {study.name}" if only else study.name
        raise SpecError(
            f"no feature maps: no trial of {of} at scale {asked.scale.scale} in {store.root} has its weights; "
            "`studies run` trains them"
        )
    order = {arm.key: i for i, arm in enumerate(study.arms)}
    kinds = list(FAMILIES.values())
    shown = sorted(
        found.values(), key=lambda one: (0 if only else kinds.index(family(one.trial.model)), order[one.arm.key])
    )
    if len(shown) > MOST_MODELS:
        raise SpecError(f"feature maps of at most {MOST_MODELS} models are shown, and {len(shown)} arms are asked for")
    for other in shown[1:]:
        if other.trial.data != shown[0].trial.data:
            raise SpecError(
                f"feature maps are of one test picture, and {shown[0].arm.name} and {other.arm.name} have other data: "
                "name arms of the same stage and data"
            )
    return shown


def _measured(chosen: Sequence[Chosen]) -> Features:
    """The features of some trials of one data."""
    import torch

    from studies.api.feature_maps import model_features
    from studies.training.data.access import DataAccess
    from studies.training.data.corrupt import DataError
    from studies.training.data.opened import open_data
    from studies.training.devices import default_device
    from studies.training.parents import restored

    device = torch.device(default_device())
    data = chosen[0].trial.data
    source = open_data(data, device, DataAccess())
    try:
        picture = next(iter(source.test_batches(PICTURES)))[0][0]
        models = tuple(
            model_features(
                one.arm.name, restored((one.trial.model, one.weights)).to(device), source.test_batches(PICTURES)
            )
            for one in chosen
        )
    except (DataError, ValueError) as error:
        raise SpecError(f"no feature maps: {error}") from None
    finally:
        source.close()
    seen = picture.float().cpu().permute(1, 2, 0).numpy()
    plain = seen if seen.shape[2] == 3 else seen.mean(2)
    return Features("", plain, min(PICTURES, data.test_size), models)
