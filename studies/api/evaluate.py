"""Accuracy and loss of a model on test pictures: of a file of weights, or of a trial of the store."""

import sys
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from searchspace.expand import SpecError
from studies.api.wilson import interval
from studies.api.wording import say

if TYPE_CHECKING:
    from studies.api.subjects import Subject
    from studies.training.evaluation import Batch

BATCH_SIZE, CROP_PCT = 64, 0.9  # of a preset; a trial has its own


def evaluate(
    model: str | None = None,
    overrides: Sequence[str] = (),
    *,
    weights: str | Path | None = None,
    data: str | Path | None = None,
    trial: str | None = None,
    runs_dir: str | Path | None = None,
    batch_size: int | None = None,
    crop_pct: float | None = None,
    workers: int = 2,
    device: str | None = None,
) -> dict[str, Any]:
    """Top-1 and top-5 accuracy (%), each with its 95 % interval, the loss, pictures and pictures per second.

    Of a preset with weights from a file over a folder of pictures, or of a finished trial over its own test split: then
    with the trial's weights (their average, where its recipe has one), and the figures are those of its result, to the
    last digit on the same kind of device with the same libraries. Trained on several devices, the loss is equal to
    rounding. Both read pictures and sum figures with the code of the training loop.

    The intervals, `top1_interval` and `top5_interval` (low and high, in %), are Wilson's (1927) for a share of a random
    sample: how far the accuracy over all pictures of the kind may be from that over these. They say nothing of the
    training: what another seed would have given.

    Args:
        model: name of a preset.
        overrides: `field=value` each, as on the command line.
        weights: .pth, .pth.tar, .pt or .safetensors.
        data: for a preset, a folder of pictures for each class; for a trial, the folder of data sets, default:
            $STUDIES_DATA.
        trial: id of a trial, or how it starts, instead of a preset.
        runs_dir: the store that has the trial, a folder or a URL; default: $STUDIES_RUNS_DIR, else ./runs.
        batch_size: most pictures at a time; it changes the loss by rounding alone. Default: 64, for a trial what the
            training loop takes.
        crop_pct: for a preset, share of the picture's side kept; default: 0.9. A trial's data has its own.
        workers: processes that read pictures.
        device: default: cuda if there is one.

    Raises:
        SpecError: if it is not said what to evaluate, or said twice; if there is no such model or device, the weights
            do not fit or are not finite, the pictures are not of its classes or one cannot be read; if there is no such
            trial, it is not done, or its data is not there.
    """
    _check_what(model, overrides, weights, data, trial, crop_pct)
    from studies.api import subjects
    from studies.training.data.corrupt import DataError
    from studies.training.data.listing import listed
    from studies.training.evaluation import evaluate as over

    listed.cache_clear()  # in a notebook a folder may have changed since it was listed
    if trial is not None:
        subject = subjects.of_trial(trial, runs_dir, data, batch_size, workers, device)
    else:
        assert model is not None and weights is not None and data is not None
        subject = subjects.of_file(
            model, overrides, weights, Path(data), batch_size or BATCH_SIZE, crop_pct or CROP_PCT, workers, device
        )
    start = time.perf_counter()
    try:
        with closing(subject), closing(_shown(subject.batches, subject.pictures)) as batches:
            figures = over(subject.model, batches)
    except DataError as error:
        raise SpecError(str(error)) from None
    seconds = time.perf_counter() - start
    if not isfinite(figures["loss"]):
        raise SpecError(
            f"{subject.name}: the model's outputs for the pictures of {subject.data} are not finite numbers"
        )
    for note in subject.notes():
        say(f"studies: {note}")
    return _as_told(subject, figures, seconds)


def _check_what(
    model: str | None,
    overrides: Sequence[str],
    weights: str | Path | None,
    data: str | Path | None,
    trial: str | None,
    crop_pct: float | None,
) -> None:
    """Refuse arguments that do not say what to evaluate, or say it twice.

    Raises:
        SpecError: with what is missing, or too much.
    """
    if trial is not None:
        given = model or ("--weights" if weights is not None else " ".join(overrides))
        if given:
            raise SpecError(
                f"a preset with --weights, or --trial: got {given} and --trial {trial}; a trial has its own model and "
                "weights"
            )
        if crop_pct is not None:
            raise SpecError(f"--crop-pct is for a preset: the data of trial {trial} has its own")
        return
    if model is None:
        raise SpecError("say what to evaluate: PRESET --weights FILE --data DIR, or --trial ID")
    for option, value in (("--weights FILE", weights), ("--data DIR", data)):
        if value is None:
            raise SpecError(f"{model} is evaluated with weights from a file on a folder of pictures: add {option}")


def _shown(batches: "Iterable[Batch]", total: int) -> "Generator[Batch]":
    """The batches, with a bar on a terminal."""
    hidden = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("evaluating", total=total)
        for x, y in batches:
            yield x, y
            bar.advance(task, len(y))


def _as_told(subject: "Subject", figures: dict[str, float], seconds: float) -> dict[str, Any]:
    count = int(figures["test_pictures"])
    told: dict[str, Any] = {"trial": subject.trial} if subject.trial else {}
    told["pictures"] = count
    for name in ("top1", "top5"):
        told |= {name: figures[name], f"{name}_interval": interval(figures[name], count)}
    return told | {"loss": figures["loss"], "images_per_second": count / seconds}
