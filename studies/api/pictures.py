"""A folder of pictures, one folder a class, in batches for `evaluate`. A file that is no picture is named."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import UnidentifiedImageError
from rich.progress import track
from timm.data import create_transform
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch.utils.data import DataLoader, default_collate
from torchvision.datasets import ImageFolder

from searchspace.expand import SpecError
from searchspace.spec import TransformerSpec

KNOWN: dict[type[Exception], str] = {UnidentifiedImageError: "of no known format", FileNotFoundError: "it is not there"}


@dataclass(frozen=True)
class Unreadable:
    """What takes the place of a picture that cannot be read: an exception of a worker would be its whole traceback."""

    path: str
    reason: str


class Pictures(ImageFolder):
    """Classes in order of their names, pictures resized and cropped for a model."""

    def __getitem__(self, index: int) -> Any:
        """A picture (C, H, W) and its label, or why it cannot be read."""
        try:
            return super().__getitem__(index)
        except Exception as error:  # a torn file makes Pillow raise almost anything
            return Unreadable(self.samples[index][0], KNOWN.get(type(error)) or " ".join(str(error).split()))


def pictures(folder: Path, spec: TransformerSpec, crop_pct: float) -> Pictures:
    """The pictures of a folder that holds one folder a class.

    Raises:
        SpecError: if there is no such folder, or a class without pictures.
    """
    if not folder.is_dir():
        raise SpecError(f"{folder} is no folder" if folder.exists() else f"no such folder: {folder}")
    transform = create_transform(
        (spec.in_chans, *spec.img_size),
        is_training=False,
        interpolation="bicubic",
        mean=IMAGENET_DEFAULT_MEAN,
        std=IMAGENET_DEFAULT_STD,
        crop_pct=crop_pct,
    )
    try:
        return Pictures(str(folder), transform)
    except OSError as error:
        raise SpecError(f"{folder} must hold one folder of pictures for each class: {error}") from None


def batches(found: Pictures, batch_size: int, workers: int, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The pictures (B, C, H, W) and labels (B,) on a device, with a bar on a terminal.

    Raises:
        SpecError: for a picture that cannot be read.
    """
    workers = min(workers, -(-len(found) // batch_size))  # no more than there are batches
    loader: DataLoader[Any] = DataLoader(found, batch_size, num_workers=workers, collate_fn=_collate)
    for batch in track(loader, "evaluating", disable=not sys.stderr.isatty(), transient=True):
        if isinstance(batch, Unreadable):
            raise SpecError(f"{batch.path} is no picture, or not a whole one: {batch.reason}")
        x, y = batch
        yield x.to(device), y.to(device)


def _collate(samples: list[Any]) -> Any:
    return next((sample for sample in samples if isinstance(sample, Unreadable)), None) or default_collate(samples)
