"""Pictures one by one, as data workers make them: a function of what is asked for, whoever makes it."""

from typing import NamedTuple

import torch
from timm.data.loader import fast_collate
from torch.utils.data import Dataset

from studies.training.data.readers import Reader, UnreadableError
from studies.training.data.transforms import Transform
from studies.training.seeding import seed_all

Loaded = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # pictures, labels, what was corrupt


class Asked(NamedTuple):
    """A training picture: its place in an epoch of a seed, which decides how it is augmented, and its number."""

    seed: int
    epoch: int
    position: int
    number: int


class Sample(NamedTuple):
    """A picture (3, H, W) uint8; `corrupt` pictures from that `number` on could not be read."""

    picture: torch.Tensor
    label: int
    number: int
    corrupt: int


class _Samples:
    def __init__(self, reader: Reader, transform: Transform, size: tuple[int, int], num_classes: int) -> None:
        self.reader, self.transform, self.num_classes = reader, transform, num_classes
        self.nothing = torch.zeros(3, *size, dtype=torch.uint8)

    def _checked(self, index: int, label: int) -> int:
        if not 0 <= label < self.num_classes:
            raise ValueError(
                f"{self.reader.name(index)} has label {label}, and data.num_classes is {self.num_classes}: labels are "
                f"0 to {self.num_classes - 1}"
            )
        return label


class TrainingSamples(_Samples, Dataset[Sample]):
    """Augmented pictures. In the place of a corrupt one comes the next of its split that can be read.

    Args:
        reader: of the split.
        transform: of a picture to bytes.
        side: of what comes out.
        num_classes: that labels must be below.
        patience: after so many corrupt ones in a row there is no use in going on.
    """

    def __init__(self, reader: Reader, transform: Transform, side: int, num_classes: int, patience: int) -> None:
        super().__init__(reader, transform, (side, side), num_classes)
        self.patience = patience

    def __getitem__(self, asked: Asked) -> Sample:
        for corrupt in range(self.patience):
            index = (asked.number + corrupt) % len(self.reader)
            try:
                picture, label = self.reader[index]
            except UnreadableError:
                continue
            seed_all(asked.seed, "picture", asked.epoch, asked.position)
            return Sample(self.transform(picture), self._checked(index, label), asked.number, corrupt)
        return Sample(self.nothing, 0, asked.number, self.patience)


class TestSamples(_Samples, Dataset[Sample]):
    """Pictures as accuracies are over them, by number; a corrupt one is marked.

    Args:
        reader: of the split.
        transform: of a picture to bytes.
        size: height and width of what comes out.
        num_classes: that labels must be below.
    """

    def __getitem__(self, index: int) -> Sample:
        try:
            picture, label = self.reader[index]
        except UnreadableError:
            return Sample(self.nothing, 0, index, 1)
        return Sample(self.transform(picture), self._checked(index, label), index, 0)


def collate(samples: list[Sample]) -> Loaded:
    """Pictures (B, 3, H, W) uint8, labels (B,) int64, and number and count of what was corrupt (n, 2) int64."""
    pictures, labels = fast_collate([(sample.picture, sample.label) for sample in samples])
    corrupt = [(sample.number, sample.corrupt) for sample in samples if sample.corrupt]
    return pictures, labels, torch.tensor(corrupt, dtype=torch.int64).reshape(-1, 2)


def collate_readable(samples: list[Sample]) -> Loaded:
    """The same without what was corrupt."""
    pictures, labels, corrupt = collate(samples)
    if len(corrupt):
        whole = torch.tensor([not sample.corrupt for sample in samples])
        pictures, labels = pictures[whole], labels[whole]
    return pictures, labels, corrupt
