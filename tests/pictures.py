"""Pictures for tests: scikit-learn's digits, resized and coloured, in the formats of real data sets."""

import io
import pickle
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F


@cache
def coloured_digits(count: int = 60, side: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Real digits in colour on a coloured ground: (count, 3, side, side) uint8, and labels (count,) int64."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(bunch.target), generator=generator)[:count]
    ink = torch.tensor(bunch.images, dtype=torch.float32)[chosen, None] / 16
    ink = F.interpolate(ink, size=(side, side), mode="bicubic", align_corners=False).clamp(0, 1)
    colour, ground = torch.rand(2, count, 3, 1, 1, generator=generator)
    slope = torch.linspace(0, 0.3, side)[:, None] * torch.rand(count, 3, 1, 1, generator=generator)
    noise = 0.03 * torch.randn(count, 3, side, side, generator=generator)
    made = ink * colour + (1 - ink) * (0.6 * ground + slope) + noise
    return made.mul(255).round().clamp(0, 255).to(torch.uint8), torch.tensor(bunch.target, dtype=torch.int64)[chosen]


def write_cifar(root: Path, kind: str = "cifar10", train: int = 100, test: int = 40) -> Path:
    """Digits in the files of CIFAR-10 or CIFAR-100, below a root folder, which is given back.

    CIFAR-100's fine labels are ten times the digit, plus the picture's place modulo 10.
    """
    x, y = coloured_digits(train + test)
    data, digits = x.flatten(1).numpy(), y.tolist()
    if kind == "cifar10":
        folder = root / "cifar-10-batches-py"
        each = -(-train // 5)
        places = {f"data_batch_{i + 1}": range(i * each, min(train, (i + 1) * each)) for i in range(5)}
        places["test_batch"] = range(train, train + test)
    else:
        folder = root / "cifar-100-python"
        places = {"train": range(train), "test": range(train, train + test)}
    folder.mkdir(parents=True)
    for name, rows in places.items():
        labels = [digits[i] for i in rows]
        content: dict[bytes, object] = {b"data": data[rows.start : rows.stop]}
        if kind == "cifar10":
            content |= {b"batch_label": name.encode(), b"labels": labels}
        else:
            content |= {b"coarse_labels": labels, b"fine_labels": [10 * digits[i] + i % 10 for i in rows]}
        buffer = io.BytesIO()
        _Python2Pickler(buffer, protocol=2, fix_imports=True).dump(content)
        (folder / name).write_bytes(buffer.getvalue())
    return root


class _Python2Pickler(pickle._Pickler):
    """Writes bytes and text as Python 2 wrote its strings, which is how the published files are."""

    def _save_string(self, text: bytes | str) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.write(b"T" + len(data).to_bytes(4, "little") + data)
        self.memoize(text)

    dispatch = pickle._Pickler.dispatch | {bytes: _save_string, str: _save_string}
