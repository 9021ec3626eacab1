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

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm")


def main(arguments: argparse.Namespace) -> int:
    """Print accuracy and loss."""
    spec = override(preset(arguments.preset), dict(map(parse_override, arguments.overrides)))
    if not isinstance(spec, TransformerSpec):
        raise SpecError(f"weights are loaded into models of this code: {arguments.preset} is one of {spec.library}'s")
    classes = _classes(Path(arguments.data))
    if len(classes) != spec.num_classes:
        raise SpecError(
            f"{arguments.data} has {len(classes)} folders of pictures, the model {spec.num_classes} classes; "
            f"give the folder of all classes, or num_classes={len(classes)}"
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
    figures = _evaluate(model.to(device).eval(), spec, arguments, device)
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        print(f"{arguments.preset}, {Path(arguments.weights).name}, {figures['pictures']} pictures of {arguments.data}")
        print(f"  top-1  {figures['top1']:6.2f} %")
        print(f"  top-5  {figures['top5']:6.2f} %")
        print(f"  loss   {figures['loss']:6.4f}")
        print(f"  {figures['images_per_second']:.0f} pictures a second on {device}")
    return 0


def _classes(folder: Path) -> list[Path]:
    """The folders of a data set, one a class, in order of their names.

    Raises:
        SpecError: if there are none.
    """
    if not folder.is_dir():
        raise SpecError(f"no such folder: {folder}")
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    if not classes:
        raise SpecError(f"{folder} has no folders: it must hold one folder of pictures for each class")
    for path in classes:
        if not any(file.suffix.lower() in PICTURES for file in path.rglob("*")):
            raise SpecError(f"{path} has no pictures ({', '.join(PICTURES)})")
    return classes


def _evaluate(model: Any, spec: TransformerSpec, arguments: argparse.Namespace, device: str) -> dict[str, float]:
    import torch
    import torch.nn.functional as F
    from rich.progress import track
    from timm.data import create_dataset, create_loader
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    data = create_dataset("folder", root=arguments.data)
    loader = create_loader(
        data,
        input_size=(spec.in_chans, *spec.img_size),
        batch_size=arguments.batch_size,
        use_prefetcher=False,
        interpolation="bicubic",
        mean=IMAGENET_DEFAULT_MEAN,
        std=IMAGENET_DEFAULT_STD,
        crop_pct=arguments.crop_pct,
        num_workers=arguments.workers,
    )
    top1 = top5 = loss = 0.0
    start = time.perf_counter()
    quiet = not sys.stderr.isatty()
    with torch.inference_mode():
        for x, y in track(loader, "evaluating", disable=quiet, transient=True):
            logits, y = model(x.to(device)).float(), y.to(device)
            best = logits.topk(min(5, spec.num_classes)).indices == y[:, None]
            top1 += best[:, 0].sum().item()
            top5 += best.sum().item()
            loss += F.cross_entropy(logits, y, reduction="sum").item()
    n = len(data)
    seconds = time.perf_counter() - start
    return {
        "pictures": n,
        "top1": 100 * top1 / n,
        "top5": 100 * top5 / n,
        "loss": loss / n,
        "images_per_second": n / seconds,
    }
