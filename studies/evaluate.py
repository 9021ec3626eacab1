"""`studies evaluate`: a preset with weights from a file, on a folder of pictures."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from searchspace.expand import SpecError, override, parse_override
from searchspace.presets import preset
from searchspace.spec import TransformerSpec


def main(arguments: argparse.Namespace) -> int:
    """Print accuracy and loss."""
    spec = override(preset(arguments.preset), dict(map(parse_override, arguments.overrides)))
    if not isinstance(spec, TransformerSpec):
        raise SpecError(f"weights are loaded into models of this code: {arguments.preset} is one of {spec.library}'s")
    data = _pictures(arguments.data, spec, arguments.crop_pct)
    if len(data.classes) != spec.num_classes:
        raise SpecError(
            f"{arguments.data} has {len(data.classes)} folders of pictures, the model {spec.num_classes} classes; "
            f"give the folder of all classes, or num_classes={len(data.classes)}"
        )
    from searchspace.build import build
    from searchspace.checkpoint import load_checkpoint
    from studies.execute import default_device

    model = build(spec)
    for sentence in load_checkpoint(model, arguments.weights):
        if "left out" in sentence:
            raise SpecError(f"{arguments.weights}: {sentence}; give the file's number as num_classes=N")
        print(f"studies: {sentence}", file=sys.stderr)
    device = arguments.device or default_device()
    figures = _evaluate(model.to(device).eval(), data, arguments, device)
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        print(f"{arguments.preset}, {Path(arguments.weights).name}, {figures['pictures']} pictures of {arguments.data}")
        print(f"  top-1  {figures['top1']:6.2f} %")
        print(f"  top-5  {figures['top5']:6.2f} %")
        print(f"  loss   {figures['loss']:6.4f}")
        print(f"  {figures['images_per_second']:.0f} pictures a second on {device}")
    return 0


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


def _evaluate(model: Any, data: Any, arguments: argparse.Namespace, device: str) -> dict[str, float]:
    import torch
    import torch.nn.functional as F
    from rich.progress import track
    from torch.utils.data import DataLoader

    loader = DataLoader(data, arguments.batch_size, num_workers=arguments.workers)
    top1 = top5 = loss = 0.0
    start = time.perf_counter()
    quiet = not sys.stderr.isatty()
    with torch.inference_mode():
        for x, y in track(loader, "evaluating", disable=quiet, transient=True):
            logits, y = model(x.to(device)).float(), y.to(device)
            best = logits.topk(min(5, logits.shape[1])).indices == y[:, None]
            top1 += best[:, 0].sum().item()
            top5 += best.sum().item()
            loss += F.cross_entropy(logits, y, reduction="sum").item()
    n = len(data)
    speed = n / (time.perf_counter() - start)
    return {"pictures": n, "top1": 100 * top1 / n, "top5": 100 * top5 / n, "loss": loss / n, "images_per_second": speed}
