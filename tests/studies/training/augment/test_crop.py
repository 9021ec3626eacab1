import math

import numpy as np
import pytest
import torch
from pictures import coloured_digits
from PIL import Image
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from studies.training.data.augment.crop import PadCrop, Shift, crops
from studies.training.data.augment.flip import Flip
from studies.training.data.augment.resized_crop import ResizedCrop, resized
from studies.training.data.augment.stage import cubic


def uniform(count: int, columns: int) -> torch.Tensor:
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_padded_crop_is_torchvisions_at_the_same_corner(dtype: torch.dtype) -> None:
    x = coloured_digits(81)[0].to(dtype)
    corners = torch.cartesian_prod(torch.arange(9), torch.arange(9))
    expected = [
        functional.crop(functional.pad(one, [4]), *map(int, c), 32, 32) for one, c in zip(x, corners, strict=True)
    ]
    assert torch.equal(crops(x, 4, corners), torch.stack(expected))


def test_padded_crops_reach_every_corner_alike() -> None:
    stage, x = PadCrop(2), torch.zeros(5000, 1, 5, 5, dtype=torch.uint8)
    x[:, :, 2, 2] = 1
    counts = stage(x, uniform(5000, stage.numbers)).sum((0, 1))
    assert counts.shape == (5, 5)
    assert (counts - 200).abs().max() < 60


def test_shifts_repeat_the_edge() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    made = Shift(1)(x, torch.tensor([[0.0, 0.99]], dtype=torch.float64))  # a row up of the window, a column right
    assert made[0, 0, :, -1].tolist() == [3, 3, 7, 11]


def test_a_flip_mirrors_a_share_of_the_pictures_and_leaves_the_others() -> None:
    x, stage = coloured_digits(60)[0], Flip(0.3)
    u = uniform(60, 1)
    made = stage(x.clone(), u)
    chosen = u[:, 0] < 0.3
    assert torch.equal(made[chosen], x[chosen].flip(-1)) and torch.equal(made[~chosen], x[~chosen])
    assert 5 < chosen.sum() < 30


BOXES = [(0, 0, 32, 32), (3, 5, 12, 17), (20, 0, 9, 32), (31, 31, 1, 1), (7, 2, 25, 14)]


@pytest.mark.parametrize("mode", [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC])
def test_a_resized_crop_is_pillows_to_one_of_255_in_all_but_a_few_pixels(mode: InterpolationMode) -> None:
    x = coloured_digits(10)[0]
    for box in BOXES:
        pictures = [Image.fromarray(one.permute(1, 2, 0).numpy()) for one in x]
        theirs = [functional.resized_crop(one, *box, [32, 32], mode) for one in pictures]
        expected = torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in theirs])
        boxes = torch.tensor([box]).expand(10, 4)
        made = resized(x, boxes, torch.full((10,), mode == InterpolationMode.BICUBIC))
        apart = (made.int() - expected.int()).abs()
        assert apart.max() <= 1, box
        assert (apart > 0).float().mean() <= 1e-3, box


def test_parts_have_torchvisions_areas_shapes_and_places() -> None:
    from torchvision.transforms import RandomResizedCrop

    stage, torch_picture = ResizedCrop((0.08, 1.0), (3 / 4, 4 / 3), "bicubic"), torch.zeros(3, 64, 64)
    ours = stage.boxes(uniform(3000, stage.numbers), 64, 64).double()
    torch.manual_seed(0)
    theirs = torch.tensor(
        [RandomResizedCrop.get_params(torch_picture, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(3000)]
    ).double()
    shares = torch.linspace(0.05, 0.95, 10, dtype=torch.float64)
    for column in range(4):
        apart = ours[:, column].quantile(shares) - theirs[:, column].quantile(shares)
        assert apart.abs().max() <= 3, column
    assert (ours[:, 0] + ours[:, 2]).max() <= 64 and (ours[:, 1] + ours[:, 3]).max() <= 64


def test_a_part_that_never_fits_is_the_largest_in_the_middle() -> None:
    stage = ResizedCrop((1.0, 1.0), (2.0, 2.0), "bilinear")
    assert stage.boxes(uniform(2, stage.numbers), 32, 32).tolist() == [[8, 0, 16, 32]] * 2


def test_random_interpolation_is_either_by_half() -> None:
    share = cubic("random", uniform(2000, 1)[:, 0]).double().mean()
    assert math.isclose(share, 0.5, abs_tol=0.05)
    assert cubic("bicubic", torch.zeros(2)).all() and not cubic("bilinear", torch.zeros(2)).any()
