"""Pictures a second from JPEG files: ours, through timm's transforms and loader, and torchvision's, in turn.

python benchmarks/folder_pipeline.py [--workers 2] [--pictures 400] [--rounds 3]

Both read the same files of 500 x 375 pixels with as many processes, crop them to 224 as Inception does and flip them;
then also RandAugment and random erasing. torchvision's: ImageFolder, transforms on pictures, DataLoader with persistent
workers. RandAugment is each library's own, two operations at magnitude 9.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from studies.training.data.access import DataAccess
from studies.training.data.opened import open_data
from studies.trials.data import FolderSpec
from studies.trials.recipe import Augment, Recipe

SIZE, SIDE, BATCH, CLASSES = (500, 375), 224, 50, 4
PLAIN = Augment(crop="resized", interpolation="bicubic")
FULL = PLAIN.model_copy(update={"auto_augment": "rand-m9-n2", "reprob": 0.25, "remode": "pixel"})

Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]


def write_pictures(root: Path, count: int = 400) -> Path:
    """Digits of scikit-learn's, enlarged, with noise, as JPEG files in ImageNet's layout."""
    from sklearn.datasets import load_digits

    digits, noise = load_digits().images, np.random.RandomState(0)
    for i in range(count + CLASSES):
        split, number = ("val", i - count) if i >= count else ("train", i)
        ink = Image.fromarray((digits[i % len(digits)] * 15).astype(np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
        pixels = np.asarray(ink)[:, :, None] * noise.uniform(0.3, 1, 3) + noise.normal(20, 12, (*SIZE[::-1], 3))
        path = root / "bench" / split / f"class{number % CLASSES}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return root


def ours(root: Path, count: int, augment: Augment, workers: int, device: torch.device) -> Batches:
    """Batches as a trial has them."""
    spec = FolderSpec(
        kind="folder", name="bench", img_size=SIDE, num_classes=CLASSES, train_size=count, test_size=CLASSES
    )
    recipe = Recipe(epochs=1000, batch_size=BATCH, lr=1.0, augment=augment)
    source = open_data(spec, device, DataAccess(str(root), workers))
    try:
        for step in range(10**6):
            yield source.train_batch(recipe, 0, *divmod(step, source.steps_per_epoch(BATCH)))
    finally:
        source.close()


def torchvisions(root: Path, augment: Augment, workers: int, device: torch.device) -> Batches:
    """Batches as torchvision's reference training makes them."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    interpolation = transforms.InterpolationMode.BICUBIC
    full = augment.auto_augment is not None
    chain = [
        transforms.RandomResizedCrop(SIDE, interpolation=interpolation),
        transforms.RandomHorizontalFlip(),
        *([transforms.RandAugment(2, 9, interpolation=interpolation)] if full else []),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        *([transforms.RandomErasing(0.25, value="random")] if full else []),
    ]
    loader = DataLoader(
        ImageFolder(root / "bench" / "train", transforms.Compose(chain)),
        BATCH,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    while True:
        for x, y in loader:
            yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


def rate(batches: Batches, count: int) -> float:
    """Pictures a second over so many pictures."""
    start = time.perf_counter()
    for x, _ in islice(batches, count // BATCH):
        x.flatten()[0].item()  # wait for the device
    return count / (time.perf_counter() - start)


def compare(root: Path, count: int, workers: int, rounds: int, device: torch.device) -> list[tuple[str, float, float]]:
    """Name, pictures a second of ours and of torchvision's: the median of rounds that take turns."""
    rows = []
    for name, augment in (("crop, flip", PLAIN), ("crop, flip, RandAugment, erasing", FULL)):
        makers: list[Callable[[], Batches]] = [
            lambda augment=augment: ours(root, count, augment, workers, device),  # type: ignore[misc]
            lambda augment=augment: torchvisions(root, augment, workers, device),  # type: ignore[misc]
        ]
        rates: list[list[float]] = [[], []]
        for _ in range(rounds):
            for maker, found in zip(makers, rates, strict=True):
                batches = maker()  # one at a time: idle workers of the other would have loaded ahead
                rate(batches, count)  # a whole epoch first: workers start, files come into the cache
                found.append(rate(batches, count))
                batches.close()  # type: ignore[attr-defined]
        rows.append((name, median(rates[0]), median(rates[1])))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    show(arguments.workers, arguments.pictures, arguments.rounds)


def show(workers: int = 2, pictures: int = 400, rounds: int = 3) -> None:
    """Compare, and print what came of it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = write_pictures(Path(folder), pictures)
        rows = compare(root, pictures, workers, rounds, device)
    print(f"pictures a second, JPEG of {SIZE[0]} x {SIZE[1]}, {workers} workers, to {device.type}")
    print(f"{'':34} {'ours':>8} {'torchvision':>12} {'ratio':>6}")
    for name, mine, theirs in rows:
        print(f"{name:34} {mine:8.0f} {theirs:12.0f} {mine / theirs:6.2f}")


if __name__ == "__main__":
    main()
