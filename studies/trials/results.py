"""What comes of a trial: the record of an epoch and the result, defined once. Plain data, as it stands in the store."""

from typing import NotRequired, TypedDict

PACKAGES = ("t2t-studies", "torch", "timm")  # whose versions a result has, beside Python's


class EpochRecord(TypedDict):
    """An epoch of a trial: accuracies in %, losses in nats, times in seconds.

    `top1`, `top5` and `loss` are over `test_pictures` of the test split; `seconds` is training and evaluation. `notes`
    are for people: what happened that changes no result.
    """

    epoch: int
    epochs: int
    lr: float
    train_loss: float
    top1: float
    top5: float
    loss: float
    test_pictures: int
    train_seconds: float
    seconds: float
    images_per_second: float
    notes: NotRequired[list[str]]


class Figures(TypedDict):
    """A trial that is done: figures of its last epoch, costs for one picture, where and with what it was trained.

    `macs` are multiply-adds, `activations` values, `peak_memory_mb` MiB; `pretrained_share` is the share of the
    parameters that came from the pretrained model, None if there was none. `devices` trained it together, in
    `precision`; with `averaged_weights` the figures are those of a moving average of the weights. `data_fingerprint`
    is that of the files that were read, "" where a spec makes the pictures; `corrupt_pictures` of them could not be
    read. `finished_at` is the time of the result (ISO 8601, UTC), `epochs` is how many there were, `test_pictures`
    what the last accuracy is over.
    """

    top1: float
    top5: float
    loss: float
    train_loss: float
    params: int
    trainable: int
    macs: int
    activations: int
    pretrained_share: float | None
    seconds: float
    images_per_second: float
    peak_memory_mb: float
    device: str
    host: str
    versions: dict[str, str]
    weights_sha256: NotRequired[str]
    devices: NotRequired[int]
    precision: NotRequired[str]
    averaged_weights: NotRequired[bool]
    data_fingerprint: NotRequired[str]
    corrupt_pictures: NotRequired[int]
    finished_at: NotRequired[str]
    epochs: NotRequired[int]
    test_pictures: NotRequired[int | None]


class Result(Figures):
    """A trial that is done, and each of its epochs."""

    history: list[EpochRecord]
