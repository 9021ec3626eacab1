"""One folder of pictures, one folder a class, in batches for `evaluate`: read as the training loop reads test pictures.

Where a training passes over a corrupt picture, here it is named and refused: an accuracy is over all that was given.
"""

from collections.abc import Callable, Generator
from pathlib import Path

import torch

from searchspace.expand import SpecError, nearest
from studies.training.data.listing import listed
from studies.training.data.loading import Loading
from studies.training.data.normalised import Normalised
from studies.training.data.readers import FileReader, Reader, UnreadableError
from studies.training.data.samples import TestSamples, collate_readable
from studies.training.data.transforms import for_test
from studies.training.evaluation import Batch


def open_pictures(folder: Path) -> FileReader:
    """The pictures of a folder that holds one folder a class; classes in order of their names.

    Raises:
        SpecError: if there is no such folder, or a class without pictures.
    """
    if not folder.is_dir():
        if folder.exists():
            raise SpecError(f"{folder} is no folder")
        text = f"no such folder: {folder}{_nearest_folder(folder)}"
        raise SpecError(f"{text} (--data names a folder that has a folder of pictures for each class)")
    found = listed(folder)
    problem = f"{folder} must hold one folder of pictures for each class"
    if not found.classes:
        raise SpecError(f"{problem}: it has no folders")
    if found.empty:
        raise SpecError(f"{problem}: {found.empty[0]} has no pictures")
    return FileReader(found)


def _nearest_folder(folder: Path) -> str:
    """What a folder that is not there may have been meant to be, of those beside it."""
    try:
        beside = [str(path) for path in folder.parent.iterdir() if path.is_dir()]
    except OSError:
        return ""
    return nearest(str(folder), beside, most=0)


def batches(
    reader: FileReader,
    size: tuple[int, int],
    crop_pct: float,
    batch_size: int,
    workers: int,
    device: torch.device,
    say: Callable[[str], None],
) -> Generator[Batch]:
    """The pictures (B, 3, H, W) and labels (B,) on a device, in order.

    Raises:
        SpecError: for a picture that cannot be read.
        DataError: if data workers die again and again.
    """
    assert reader.classes
    samples = TestSamples(reader, for_test(size, crop_pct), size, reader.classes)
    numbers = torch.arange(len(reader)).split(batch_size)
    loading = Normalised(Loading(samples, collate_readable, min(workers, len(numbers)), device, say))
    try:
        loading.begin(batch.tolist() for batch in numbers)
        while (batch := loading.take()) is not None:
            x, y, corrupt = batch
            if len(corrupt):
                number = int(corrupt[0, 0])
                path = reader.listing.folder / reader.name(number)
                raise SpecError(f"{path} is no picture, or not a whole one: {_reason(reader, number)}")
            yield x, y
    finally:
        loading.close()


def _reason(reader: Reader, number: int) -> str:
    """Why a picture that a data worker could not read cannot be read."""
    try:
        reader[number]
    except UnreadableError as error:
        return str(error)
    return "it could not be read just now"
