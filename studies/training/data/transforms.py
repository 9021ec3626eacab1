"""What is done to each picture by itself, from timm's parts: RGB pictures in, bytes (3, side, side) out."""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from timm.data import create_transform
from timm.data.auto_augment import posterize
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.data.transforms import str_to_interp_mode
from torchvision import transforms

from studies.trials.recipe import Augment, Recipe

MEAN, STD = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
Transform = Callable[[Image.Image], torch.Tensor]


def for_training(recipe: Recipe, side: int) -> Transform:
    """Crop, flip, then automatic augmentation or colour jitter. Without `augment`: resize and take the middle.

    timm's `create_transform` has a crop of its own, Inception's, for `crop: resized`. The others put torchvision's
    resizing and cropping in its place: of the shorter side to `side`, then the middle, moved at random for `pad`, which
    fills with black, and by `shift`, which repeats the edges.
    """
    augment = recipe.augment or Augment(hflip=0.0)
    first, second, last = create_transform(
        side,
        is_training=True,
        scale=augment.crop_scale,
        ratio=augment.crop_ratio,
        hflip=augment.hflip,
        color_jitter=augment.color_jitter or None,
        auto_augment=augment.auto_augment,
        interpolation=augment.interpolation,
        mean=MEAN,
        std=STD,
        use_prefetcher=True,
        separate=True,
    )
    for part in second.transforms:
        for operation in getattr(part, "ops", ()):  # of RandAugment
            if operation.name.startswith("Posterize"):
                operation.aug_fn = _posterized
    chain: list[Any] = [first]
    if augment.crop != "resized":
        name = "bilinear" if augment.interpolation == "random" else augment.interpolation  # as timm's resizing has it
        chain = [transforms.Resize(side, str_to_interp_mode(name)), transforms.CenterCrop(side)]
        if augment.crop == "pad":
            chain.append(transforms.RandomCrop(side, padding=augment.crop_padding))
        chain += [part for part in first.transforms if isinstance(part, transforms.RandomHorizontalFlip)]
    if recipe.shift:
        chain.append(transforms.RandomCrop(side, padding=recipe.shift, padding_mode="edge"))
    return transforms.Compose([*chain, second, last])


def _posterized(picture: Image.Image, bits: int, **_: Any) -> Image.Image:
    """timm's posterising, of which the strongest keeps no bit at all: black, which Pillow refuses to make since 13."""
    return posterize(picture, bits) if bits else Image.new(picture.mode, picture.size)


def for_test(size: tuple[int, int], crop_pct: float, interpolation: str = "bicubic") -> Transform:
    """timm's evaluation transform: resized so that `crop_pct` of the sides is kept, then the middle.

    Args:
        size: height and width of what comes out, in pixels.
        crop_pct: share of them that is kept.
        interpolation: timm's name of it.
    """
    return create_transform(
        size,
        is_training=False,
        interpolation=interpolation,
        crop_pct=crop_pct,
        mean=MEAN,
        std=STD,
        use_prefetcher=True,
    )
