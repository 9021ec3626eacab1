"""Accuracy of a file of weights on a folder of pictures."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from searchspace.expand import SpecError, override, parse_overrides
from searchspace.presets import preset
from searchspace.spec import TransformerSpec


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
        SpecError: if there is no such model, the weights do not fit, or the pictures are not of its classes.
    """
    spec = override(preset(model), parse_overrides(overrides))
    if not isinstance(spec, TransformerSpec):
        raise SpecError(f"weights are loaded into models of this code: {model} is one of {spec.library}'s")
    pictures = _pictures(str(data), spec, crop_pct)
    if len(pictures.classes) != spec.num_classes:
        raise SpecError(
            f"{data} has {len(pictures.classes)} folders of pictures, the model {spec.num_classes} classes; "
            f"give the folder of all classes, or num_classes={len(pictures.classes)}"
        )
    from torch.utils.data import DataLoader

    from searchspace.build import build
    from searchspace.checkpoint import load_into, read
    from studies.training.devices import default_device
    from studies.training.evaluation import evaluate as over

    module, state = build(spec), read(weights)
    head = state.get("head.weight")  # as the file has it
    adaptations = load_into(module, state, str(weights))
    if head is not None and head.shape[0] != spec.num_classes:
        raise SpecError(
            f"{weights}: head is for {head.shape[0]} classes, the model for {spec.num_classes}; give the file's "
            "number as num_classes=N"
        )
    for sentence in adaptations:
        print(f"studies: {sentence}", file=sys.stderr)
    device = device or default_device()
    loader = DataLoader(pictures, batch_size, num_workers=workers)
    start = time.perf_counter()
    figures = over(module.to(device), _on(device, loader))
    count = figures.pop("test_pictures")
    return {"pictures": count, **figures, "images_per_second": count / (time.perf_counter() - start)}


def _on(device: str, loader: Any) -> Iterator[Any]:
    from rich.progress import track

    for x, y in track(loader, "evaluating", disable=not sys.stderr.isatty(), transient=True):
        yield x.to(device), y.to(device)


def _pictures(folder: str, spec: TransformerSpec, crop_pct: float) -> Any:
    """The pictures of a folder that holds one folder a class, classes in order of their names.

    Raises:
        SpecError: if there is no such folder, or a class without pictures.
    """
    if not Path(folder).is_dir():
        raise SpecError(f"no such folder: {folder}")
    from timm.data import create_transform
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    from torchvision.datasets import ImageFolder

    transform = create_transform(
        (spec.in_chans, *spec.img_size),
        is_training=False,
        interpolation="bicubic",
        mean=IMAGENET_DEFAULT_MEAN,
        std=IMAGENET_DEFAULT_STD,
        crop_pct=crop_pct,
    )
    try:
        return ImageFolder(folder, transform)
    except FileNotFoundError as error:
        raise SpecError(f"{folder} must hold one folder of pictures for each class: {error}") from None
