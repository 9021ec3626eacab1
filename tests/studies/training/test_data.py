import re
import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from sklearn.datasets import load_digits

from studies.language.scale_file import load_scale
from studies.training.data import digits as module
from studies.training.data.digits import handwritten, placed_digits
from studies.training.data.placing import fragments, place
from studies.training.data.source import shifted
from studies.trials.data import DigitsSpec

SPEC = DigitsSpec(kind="digits", train_size=200, test_size=100)
NONE = torch.zeros(64, 0, 8, 8)  # no fragments
TWO = DigitsSpec(
    kind="digits", per_picture=2, num_classes=100, img_size=24, min_side=8, max_side=11, train_size=2000, test_size=500
)
TRAIN_LABELS = [3, 5, 5, 6, 0, 3, 0, 1, 4, 2, 1, 8, 4, 8, 0, 0, 1, 5, 2, 9]
TEST_LABELS = [5, 5, 2, 5, 5, 6, 6, 9, 0, 7, 1, 7, 8, 3, 8, 0, 4, 8, 2, 6]


@pytest.mark.parametrize("from_file", [True, False])
def test_the_handwritten_digits_are_those_of_scikit_learn(from_file: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not from_file:  # as where the package has it elsewhere
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    bunch = load_digits()
    pictures, labels = handwritten()
    assert torch.equal(pictures, torch.tensor(bunch.images, dtype=torch.float32) / 16)
    assert torch.equal(labels, torch.tensor(bunch.target, dtype=torch.int64))


def test_they_are_read_without_importing_scikit_learn() -> None:
    code = "import sys; from studies.training.data import digits; digits.handwritten(); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_placed_digits_are_a_function_of_their_spec() -> None:
    first = placed_digits.__wrapped__(SPEC)
    again = placed_digits.__wrapped__(SPEC)
    other = placed_digits.__wrapped__(SPEC.model_copy(update={"seed": 1}))
    assert torch.equal(first["train"][0], again["train"][0])
    assert torch.equal(first["test"][1], again["test"][1])
    assert not torch.equal(first["train"][0], other["train"][0])


def test_placed_digits_have_the_shapes_and_the_scale_that_models_expect() -> None:
    splits = placed_digits(SPEC)
    x, y = splits["train"]
    assert x.shape == (200, 3, 16, 16)
    assert x.dtype == torch.float32
    assert y.dtype == torch.int64
    assert abs(x.mean()) < 1e-5
    assert abs(x.std() - 1) < 1e-4
    assert set(y.tolist()) <= set(range(10))
    assert len(splits["test"][1]) == 100


def test_some_of_the_digits_are_those_with_labels_from_0() -> None:
    few = SPEC.model_copy(update={"first_class": 6, "num_classes": 4})
    for name, (x, y) in placed_digits(few).items():
        assert set(y.tolist()) == {0, 1, 2, 3}
        assert x.shape == (len(y), 3, 16, 16)
        assert len(y) == {"train": 200, "test": 100}[name]


def test_a_label_is_that_of_its_picture_whatever_digits_are_used() -> None:
    spec = DigitsSpec(kind="digits", train_size=2000, test_size=500, rotation=0, noise=0, background=0)
    few = spec.model_copy(update={"first_class": 5, "num_classes": 5})
    x, y = placed_digits(spec)["train"]
    means = torch.stack([x[y == digit].mean(0).flatten() for digit in range(10)])
    pictures, labels = placed_digits(few)["train"]
    for label in range(5):
        mean = pictures[labels == label].mean(0).flatten()
        likeness = torch.nn.functional.cosine_similarity(mean - mean.mean(), means - means.mean(1, keepdim=True))
        assert likeness.argmax() == label + 5


def test_all_ten_digits_are_drawn_as_they_were_before_some_could_be_chosen() -> None:
    first = placed_digits(SPEC)
    assert first["train"][1][:20].tolist() == TRAIN_LABELS
    assert first["test"][1][:20].tolist() == TEST_LABELS


def test_train_and_test_come_from_disjoint_digits(monkeypatch) -> None:
    seen: list[set[int]] = []

    def remember(
        digits: torch.Tensor, torn: torch.Tensor, spec: DigitsSpec, generator: torch.Generator
    ) -> torch.Tensor:
        seen.append({int(d.flatten()[0]) for d in digits})
        return torch.randn(len(digits), 3, spec.img_size, spec.img_size)

    numbered = torch.arange(1797).view(-1, 1, 1).expand(-1, 8, 8), torch.zeros(1797, dtype=torch.int64)
    monkeypatch.setattr(module, "place", remember)
    monkeypatch.setattr(module, "handwritten", lambda: numbered)
    placed_digits.__wrapped__(SPEC.model_copy(update={"train_size": 20_000, "test_size": 20_000}))
    train, test = seen
    assert not train & test
    assert len(train | test) == 1797


def test_a_placed_digit_lies_within_its_canvas_as_upright_ink() -> None:
    spec = SPEC.model_copy(update={"rotation": 0.0, "background": 0.0, "noise": 0.0, "min_side": 8.0, "max_side": 8.0})
    ones = torch.ones(64, 1, 8, 8)
    ink = place(ones, NONE, spec, torch.Generator().manual_seed(0)).amax(1) > 0
    counts = ink.flatten(1).sum(1)
    assert (counts >= 64).all()  # all of the digit, 8 x 8 pixels and the blended border
    assert (counts <= 100).all()


def test_shifting_moves_a_picture_by_whole_pixels() -> None:
    torch.manual_seed(0)
    x = torch.arange(2 * 3 * 6 * 6.0).reshape(2, 3, 6, 6)
    moved = shifted(x, 1)
    assert moved.shape == x.shape
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    for i in range(2):
        windows = [padded[i, :, r : r + 6, c : c + 6] for r in range(3) for c in range(3)]
        assert any(torch.equal(moved[i], window) for window in windows)
    assert shifted(x, 0) is x


def test_the_shipped_scale_has_the_promised_pictures() -> None:
    data = load_scale("digits").data
    assert 16 <= data.img_size <= 32
    assert data.train_size == data.test_size == 8192


def _clean(spec: DigitsSpec, **changes: float) -> DigitsSpec:
    return spec.model_copy(update={"rotation": 0.0, "background": 0.0, "noise": 0.0, **changes})


def test_the_class_of_several_digits_is_their_number_read_from_left_to_right() -> None:
    x, y = placed_digits(_clean(TWO, min_side=12.0, max_side=12.0))["train"]  # they fill the width
    assert set(y.tolist()) == set(range(100))
    halves = x[..., :12].mean(1).flatten(1), x[..., 12:].mean(1).flatten(1)
    for half, digits in zip(halves, (y // 10, y % 10), strict=True):
        means = torch.stack([half[digits == digit].mean(0) for digit in range(10)])
        nearest = torch.cdist(half - half.mean(0), means - half.mean(0)).argmin(1)
        assert (nearest == digits).float().mean() > 0.3  # by chance 0.1


def test_several_digits_stand_side_by_side() -> None:
    spec = _clean(TWO, min_side=8.0, max_side=8.0)
    ink = place(torch.ones(64, 2, 8, 8), NONE, spec, torch.Generator().manual_seed(0)).amax(1) > 0
    columns = ink.any(1).sum(1)
    assert (ink.flatten(1).sum(1) >= 128).all()  # both of them, 8 x 8 pixels each
    assert (columns >= 16).all()
    assert ink[:, :, :4].any()
    assert ink[:, :, -4:].any()


def test_fragments_are_ink_beside_the_digit() -> None:
    clean = _clean(SPEC, clutter=5)
    digits = torch.zeros(64, 1, 8, 8)
    torn = fragments(torch.ones(64, 5, 8, 8), torch.Generator().manual_seed(0))
    assert (torn.flatten(2).sum(2) == 16).all()  # half of each side
    ink = place(digits, torn, clean, torch.Generator().manual_seed(0)).amax(1) > 0
    assert ink.flatten(1).any(1).all()
    assert not torch.equal(
        placed_digits(SPEC)["train"][0], placed_digits(SPEC.model_copy(update={"clutter": 5}))["train"][0]
    )


def test_a_fragment_is_a_square_of_its_digit() -> None:
    digit = torch.arange(1, 65.0).reshape(1, 1, 8, 8).expand(200, 1, 8, 8)
    torn = fragments(digit, torch.Generator().manual_seed(0))[:, 0, 2:6, 2:6]
    assert (torn[:, 0, 1] - torn[:, 0, 0] == 1).all()
    assert (torn[:, 1, 0] - torn[:, 0, 0] == 8).all()
    assert len(torn[:, 0, 0].unique()) == 25  # every place


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"per_picture": 2}, "num_classes must be 100 and first_class 0, got 10 and 0"),
        ({"per_picture": 2, "num_classes": 100, "first_class": 1}, "got 100 and 1"),
        ({"per_picture": 2, "num_classes": 100}, "max_side of at most 8 would work"),
        ({"per_picture": 4}, "a whole number from 1 to 3, got 4"),
        ({"clutter": -1}, "a whole number from 0 to 64, got -1"),
    ],
)
def test_several_digits_that_cannot_be_are_refused(changes: dict[str, int], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        DigitsSpec(kind="digits", **changes)
