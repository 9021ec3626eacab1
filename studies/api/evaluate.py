"""Accuracy of a file of weights on a folder of pictures."""

import sys
import time
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from searchspace.expand import SpecError, override, parse_overrides
from searchspace.presets import preset
from searchspace.size import params
from searchspace.spec import TransformerSpec
from studies.planning.machine import memory_gib

MOST_BATCH_BYTES = 8 * 2**30  # of pictures


def evaluate(
    model: str,
    overrides: Sequence[str] = (),
    *,
    weights: str | Path,
    data: str | Path,
    batch_size: int = 64,
    crop_pct: float = 0.9,
    workers: int = 2,
    device: str | None = None,
) -> dict[str, float]:
    """Top-1 and top-5 accuracy (%), loss, number of pictures and pictures per second.

    Args:
        model: name of a preset.
        overrides: `field=value` each, as on the command line.
        weights: .pth, .pth.tar, .pt or .safetensors.
        data: a folder of pictures for each class.
        batch_size: pictures at a time.
        crop_pct: share of the picture's side kept.
        workers: processes that read pictures.
        device: default: cuda if there is one.

    Raises:
        SpecError: if there is no such model, the weights do not fit or are not finite, the pictures are not of its
            classes or one cannot be read, or there is no such device.
    """
    spec = override(preset(model), parse_overrides(overrides))
    if not isinstance(spec, TransformerSpec):
        raise SpecError(f"weights are loaded into models of this code: {model} is one of {spec.library}'s")
    _check_sizes(spec, batch_size)
    from searchspace.build import build
    from searchspace.checkpoint import load_into, read
    from studies.api.pictures import batches, pictures
    from studies.training.devices import checked_device, default_device
    from studies.training.evaluation import evaluate as over

    device = checked_device(device) if device else default_device()
    found = pictures(Path(data), spec, crop_pct)
    if len(found.classes) != spec.num_classes:
        raise SpecError(
            f"{data} has {len(found.classes)} folders of pictures, the model {spec.num_classes} classes; "
            f"give the folder of all classes, or num_classes={len(found.classes)}"
        )
    state = read(weights)
    for name, values in state.items():
        if not values.float().isfinite().all():
            raise SpecError(f"{weights}: {name} has values that are NaN or infinite")
    module = build(spec)
    head = state.get("head.weight")  # as the file has it
    adaptations = load_into(module, state, str(weights))
    if head is not None and head.shape[0] != spec.num_classes:
        raise SpecError(
            f"{weights}: head is for {head.shape[0]} classes, the model for {spec.num_classes}; give the file's "
            "number as num_classes=N"
        )
    start = time.perf_counter()
    figures = over(module.to(device), batches(found, batch_size, workers, device))
    if not isfinite(figures["loss"]):
        raise SpecError(f"{weights}: the model's outputs for the pictures of {data} are not finite numbers")
    for sentence in adaptations:
        print(f"studies: {sentence}", file=sys.stderr)
    count = figures.pop("test_pictures")
    return {"pictures": count, **figures, "images_per_second": count / (time.perf_counter() - start)}


def _check_sizes(spec: TransformerSpec, batch_size: int) -> None:
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
    needed, there = 4 * sum(params(spec).values()) / 2**30, memory_gib()
    if there is not None and needed > there:
        raise SpecError(f"the model takes {needed:.4g} GiB of memory, and this machine has {there:.4g} GiB")
