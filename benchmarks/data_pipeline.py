"""Training pictures per second, ours and torchvision's Dataset + transforms + DataLoader, with the same augmentation.

python benchmarks/data_pipeline.py [--repeats 7] [--only cifar|folder]

Pipelines take turns, so that what else the machine does falls on all of them; medians, and the smallest and largest, of
speeds and of their ratios turn by turn. Seconds of a processor, over all threads and workers, say more where other
programs share the machine.

Ours is set up as a trial on a CPU is: operations run in one thread, and processes beside a trial of several cores make
the next batches (`studies.training.data.ahead`). Compared are equal cores: one and no worker, two and two workers; what
takes the batches does nothing else.

Measured on 2 cores (2026-11-25, 7 turns): with one core ours is 9.9 times as fast (9.5 to 10.3), by seconds of a
processor as much; with two 10.0 times (9.6 to 10.5) and 10.3 times (9.7 to 10.6). A second thread in the place of the
two workers was 18 % faster than none, two threads that share each operation slower than one. Workers that send their
batches through new shared memory, as DataLoader does by itself, were two thirds as fast.

A comparison is a function that gives pipelines by name, one of ours and then what it is compared with, and so on (see
`cifar`): add it to `COMPARISONS`. A pipeline goes through its pictures once and says how many there were. What it needs
once (worker processes, caches) is made before, and gone through once untimed.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import psutil
import torch
from figures import tell
from tabulate import tabulate

Pipeline = Callable[[], int]  # goes through its pictures and gives their number

AUGMENT: dict[str, Any] = {
    "crop": "pad",
    "crop_padding": 4,
    "hflip": 0.5,
    "auto_augment": "rand-m9-mstd0.5-inc1",
    "interpolation": "random",
    "reprob": 0.25,
    "remode": "pixel",
}
BATCH = 128


def cifar() -> dict[str, Pipeline]:
    """Pictures of 32 x 32 that lie in memory: crop, flip, RandAugment, normalisation, erasing, as at scale cifar10."""
    pictures, labels = made_pictures(51_200), torch.arange(51_200) % 10  # in whole batches, about as many as CIFAR has
    cores = len(os.sched_getaffinity(0))
    made: dict[str, Pipeline] = {}
    for count, workers in ((1, 0), (cores, cores)):
        made[f"batched, {count} core(s)"] = ours(pictures, labels, count)
        made[f"torchvision, {workers} workers"] = theirs(pictures, labels, workers)
    return made


def made_pictures(count: int) -> torch.Tensor:
    """Coarse noise, smoothed: (count, 3, 32, 32) uint8. What is on a picture changes no speed."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 255
    return torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear").to(torch.uint8)


def ours(pictures: torch.Tensor, labels: torch.Tensor, cores: int) -> Pipeline:
    """Batches of `TensorSource`, as a trial on a CPU with so many cores takes them."""
    from studies.training.data.pixels import Pictures, Pixels
    from studies.training.data.source import TensorSource
    from studies.training.devices import prepare_device
    from studies.trials.recipe import Augment, Recipe

    train = Pictures(pictures, labels)
    source = TensorSource(train, train, pixels=Pixels.of(pictures, 32), cores=cores)
    recipe = Recipe(epochs=1, batch_size=BATCH, lr=0.1, augment=Augment(**AUGMENT))
    epoch = iter(range(10**6))

    def run() -> int:
        prepare_device("cpu")
        number = next(epoch)
        steps = range(source.steps_per_epoch(BATCH))
        return sum(len(source.train_batch(recipe, 0, number, i)[1]) for i in steps)

    return run


def theirs(pictures: torch.Tensor, labels: torch.Tensor, workers: int) -> Pipeline:
    """A map-style data set as torchvision's CIFAR10 is, its usual transforms, timm's RandAugment and erasing."""
    from PIL import Image, ImageOps
    from timm.data import auto_augment
    from timm.data.random_erasing import RandomErasing
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import VisionDataset

    # Pillow 13 refuses to keep no bits, which timm asks for at magnitude 10; one bit costs as much.
    auto_augment.NAME_TO_OP["PosterizeIncreasing"] = lambda img, bits, **_: ImageOps.posterize(img, max(1, bits))
    mean, std = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)
    fill = tuple(round(255 * m) for m in mean)
    steps = [
        transforms.RandomCrop(32, padding=AUGMENT["crop_padding"]),
        transforms.RandomHorizontalFlip(AUGMENT["hflip"]),
        auto_augment.rand_augment_transform(AUGMENT["auto_augment"], {"img_mean": fill}),
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
        RandomErasing(AUGMENT["reprob"], mode=AUGMENT["remode"], device="cpu"),
    ]
    data = pictures.permute(0, 2, 3, 1).contiguous().numpy()

    class Cifar(VisionDataset):
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return self.transform(Image.fromarray(data[index])), int(labels[index])

    loader = DataLoader(
        Cifar(transform=transforms.Compose(steps)),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def run() -> int:
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(False)  # as ours must be: it costs a little
        return sum(len(y) for _, y in loader)

    return run


COMPARISONS: dict[str, Callable[[], dict[str, Pipeline]]] = {"cifar": cifar}


def processor_seconds() -> float:
    """Spent so far by this process, to the microsecond, and by its workers, to 10 ms."""
    spent = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(times.user + times.system for times in spent)


def measured(pipelines: dict[str, Pipeline], repeats: int) -> dict[str, tuple[list[float], list[float]]]:
    """Pictures per second and per second of a processor, of each pipeline, `repeats` times, in turns."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pipelines}
    for turn in range(repeats + 1):
        for name, run in pipelines.items():
            start, spent = time.perf_counter(), processor_seconds()
            count = run()
            if turn:  # the first is to warm up
                found[name][0].append(count / (time.perf_counter() - start))
                found[name][1].append(count / (processor_seconds() - spent))
    return found


def spread(values: list[float], digits: int) -> str:
    """Median, smallest and largest."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", choices=(*COMPARISONS, "folder"), help="one comparison (default: all)")
    arguments = parser.parse_args()
    for name, make in COMPARISONS.items():
        if arguments.only not in (None, name):
            continue
        print(f"{name}: {(make.__doc__ or '').splitlines()[0]}")
        found = measured(make(), arguments.repeats)
        rows: list[list[str]] = []
        before: tuple[list[float], list[float]] = ([], [])
        for i, (pipeline, both) in enumerate(found.items()):
            ratios = (
                [[a / b for a, b in zip(*pair, strict=True)] for pair in zip(before, both, strict=True)]
                if i % 2
                else []
            )
            if ratios:
                tell(f"pictures of {name} a second, {rows[-1][0]}", pipeline, spread(ratios[0], 1))
            rows.append([pipeline, *(spread(speeds, 0) for speeds in both), *(spread(ratio, 1) for ratio in ratios)])
            before = both
        header = ["pipeline", "pictures/s", "of a processor", "the one above: x", "of a processor: x"]
        print(tabulate(rows, header, disable_numparse=True))
    if arguments.only in (None, "folder"):
        from folder_pipeline import show

        print("\nfolder: pictures in files, through timm's transforms and loader")
        show(rounds=min(3, arguments.repeats))


if __name__ == "__main__":
    main()
