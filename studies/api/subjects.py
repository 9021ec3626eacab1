"""What `evaluate` evaluates: a model on its device, and the test pictures in batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from searchspace.build import build
from searchspace.checkpoint import load_into, read
from searchspace.expand import SpecError, override, parse_overrides
from searchspace.presets import preset
from searchspace.size import params
from searchspace.spec import ModelSpec, TransformerSpec
from studies.api.pictures import batches, open_pictures
from studies.planning.machine import memory_gib
from studies.reporting.frames import store_root
from studies.store.lookup import trial_named
from studies.store.store import Store
from studies.training.data.access import DataAccess
from studies.training.data.opened import open_data
from studies.training.devices import checked_device, default_device, memory_format, prepare_device
from studies.training.evaluation import Batch
from studies.training.parents import restored
from studies.trials.data import FolderSpec

MOST_BATCH_BYTES = 8 * 2**30  # of pictures


@dataclass(frozen=True)
class Subject:
    """A model with its weights, and what it is evaluated on.

    Attributes:
        model: on its device.
        batches: of test pictures, on the same device.
        pictures: that there are.
        name: of the model or its weights, for people.
        data: of what the pictures are, likewise.
        notes: what happened that people should know, asked for after the last batch.
        close: ends the processes that read pictures.
        trial: id of the trial; "" for weights from a file.
    """

    model: nn.Module
    batches: Iterator[Batch]
    pictures: int
    name: str
    data: str
    notes: Callable[[], list[str]]
    close: Callable[[], None]
    trial: str = ""


def of_file(
    model: str,
    overrides: Sequence[str],
    weights: str | Path,
    folder: Path,
    batch_size: int,
    crop_pct: float,
    workers: int,
    device: str | None,
) -> Subject:
    """A preset with weights from a file, and a folder of pictures.

    Raises:
        SpecError: if there is no such model or device, the weights do not fit or are not finite, or the folder has not
            the model's classes.
    """
    spec = override(preset(model), parse_overrides(overrides))
    _check_sizes(spec, batch_size)
    on = torch.device(checked_device(device) if device else default_device())
    reader = open_pictures(folder)
    if reader.classes != spec.num_classes:
        raise SpecError(
            f"{folder} has {reader.classes} folders of pictures, the model {spec.num_classes} classes; "
            f"give the folder of all classes, or num_classes={reader.classes}"
        )
    module, notes = _loaded(spec, weights)
    found = batches(reader, spec.img_size, crop_pct, batch_size, workers, on, notes.append)
    return Subject(_placed(module, spec, on), found, len(reader), str(weights), str(folder), lambda: notes, found.close)


def of_trial(
    name: str,
    runs_dir: str | Path | None,
    data_dir: str | Path | None,
    batch_size: int | None,
    workers: int,
    device: str | None,
) -> Subject:
    """A finished trial of a store with the weights that it kept, and its own test split.

    On a device that is set up as for training, in batches of the training loop's, or cut to `batch_size`.

    Raises:
        SpecError: if there is no such trial or device, it is not done, or its weights or its data are not there.
    """
    store = Store(store_root(runs_dir)).check_there()
    trial_id = trial_named(store, name)
    figures = store.figures(trial_id)
    if figures is None:
        raise SpecError(f"trial {trial_id} is not done ({store.state(trial_id)}): only what is trained is evaluated")
    trial, weights = store.trial(trial_id), store.weights(trial_id)
    if weights is None:
        raise SpecError(
            f"{store.folder(trial_id)} has no weights, or not those that were written: `studies store rm {trial_id} "
            "--yes`, then the next run of a study that has the trial trains it anew"
        )
    chosen = checked_device(device) if device else default_device()
    prepare_device(chosen)
    on = torch.device(chosen)
    source = open_data(trial.data, on, DataAccess(None if data_dir is None else str(data_dir), workers))
    notes = []
    if (trained_on := figures.get("data_fingerprint")) and trained_on != source.fingerprint:
        notes.append(
            f"these are not the pictures that trial {trial_id} was trained on: their fingerprint is "
            f"{source.fingerprint}, and its result has {trained_on}"
        )
    module = _placed(restored((trial.model, weights)), trial.model, on)
    data = trial.data.name if isinstance(trial.data, FolderSpec) else trial.data.kind
    return Subject(
        module,
        _cut(source.test_batches(), batch_size),
        trial.data.test_size,
        f"trial {trial_id}",
        data,
        lambda: notes + source.take_notes(),
        source.close,
        trial_id,
    )


def _loaded(spec: ModelSpec, weights: str | Path) -> tuple[nn.Module, list[str]]:
    """A model with weights from a file, and what was adapted."""
    state = read(weights)
    for name, values in state.items():
        if not values.float().isfinite().all():
            raise SpecError(f"{weights}: {name} has values that are NaN or infinite")
    module = build(spec)
    head = state.get("head.weight")  # as the file has it
    adaptations = load_into(module, state, str(weights))
    if isinstance(spec, TransformerSpec) and head is not None and head.shape[0] != spec.num_classes:
        raise SpecError(
            f"{weights}: head is for {head.shape[0]} classes, the model for {spec.num_classes}; give the file's "
            "number as num_classes=N"
        )
    return module, adaptations


def _placed(module: nn.Module, spec: ModelSpec, device: torch.device) -> nn.Module:
    """A model on a device as the trainer puts it there."""
    return module.to(device).to(memory_format=memory_format(spec, device))


def _cut(found: Iterator[Batch], size: int | None) -> Iterator[Batch]:
    """Batches of at most so many pictures."""
    for x, y in found:
        yield from [(x, y)] if size is None else zip(x.split(size), y.split(size), strict=True)


def _check_sizes(spec: ModelSpec, batch_size: int) -> None:
    """Refuse what would not fit into memory, before anything is read.

    Raises:
        SpecError: if a batch, or the model, would not.
    """
    if spec.in_chans != 3:
        raise SpecError(f"pictures in files have 3 channels, and the model takes {spec.in_chans}: set in_chans=3")
    height, width = spec.img_size
    picture = 4 * spec.in_chans * height * width
    if batch_size * picture > MOST_BATCH_BYTES:
        raise SpecError(
            f"--batch-size {batch_size}: so many pictures of {height} x {width} take "
            f"{batch_size * picture / 2**30:.3g} GiB, and at most {MOST_BATCH_BYTES // 2**30} GiB are read at a time, "
            f"{MOST_BATCH_BYTES // picture} pictures"
        )
    if not isinstance(spec, TransformerSpec):
        return  # what a library makes is checked where it is made
    needed, there = 4 * sum(params(spec).values()) / 2**30, memory_gib()
    if there is not None and needed > there:
        raise SpecError(f"the model takes {needed:.4g} GiB of memory, and this machine has {there:.4g} GiB")
