"""Rotation, shear and translation agree with timm's, which are Pillow's, but for rounding."""

import numpy as np
import pytest
import torch
from pictures import coloured_digits
from PIL import Image
from timm.data import auto_augment as timm_ops

from studies.training.data.augment.rand_augment import MOVES

FILL = (124, 116, 104)
ARGUMENTS = {
    "Rotate": [-30.0, -11.3, 0.0, 7.25, 29.0],
    "ShearX": [-0.3, -0.11, 0.0, 0.27],
    "ShearY": [-0.3, -0.11, 0.0, 0.27],
    "TranslateXRel": [-0.45, -0.25, 0.0, 0.173],
    "TranslateYRel": [-0.45, -0.25, 0.0, 0.173],
}


@pytest.mark.parametrize("side", [32, 45])
@pytest.mark.parametrize("resample", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_move_is_timms_to_one_of_255_in_all_but_a_few_pixels(
    name: str, resample: Image.Resampling, side: int
) -> None:
    x = coloured_digits(12, side)[0]
    is_cubic = resample == Image.Resampling.BICUBIC
    for argument in ARGUMENTS[name]:
        pictures = [Image.fromarray(one.permute(1, 2, 0).numpy()) for one in x]
        expected = torch.stack(
            [
                torch.from_numpy(
                    np.array(timm_ops.NAME_TO_OP[name](one, argument, fillcolor=FILL, resample=resample))
                ).permute(2, 0, 1)
                for one in pictures
            ]
        )
        made = MOVES[name][0](x, torch.full((12,), argument, dtype=torch.float64), FILL, is_cubic)
        apart = (made.int() - expected.int()).abs()
        assert (apart > 1).float().mean() <= 1e-3, argument
        assert (apart > 0).float().mean() <= 1e-2, argument


def test_pictures_of_a_batch_move_each_by_its_own_argument() -> None:
    x = coloured_digits(6)[0]
    values = torch.tensor([-20.0, 5, 0, 30, 12, -3], dtype=torch.float64)
    together = MOVES["Rotate"][0](x, values, FILL, True)
    for i in range(6):
        assert torch.equal(together[i], MOVES["Rotate"][0](x[i : i + 1], values[i : i + 1], FILL, True)[0])


def test_what_comes_from_outside_the_picture_is_the_fill_colour() -> None:
    x = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    made = MOVES["TranslateXRel"][0](x, torch.tensor([0.25], dtype=torch.float64), FILL, True)
    assert made[0, :, 0, -1].tolist() == list(FILL)
    assert not made[0, :, :, :24].any()
