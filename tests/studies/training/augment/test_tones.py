"""Changes of colour agree with timm's, which are Pillow's, to the bit."""

import numpy as np
import pytest
import torch
from pictures import coloured_digits
from PIL import Image
from timm.data import auto_augment as timm_ops

from studies.training.data.augment import tones
from studies.training.data.augment.jitter import CHANGES, ORDERS, jittered
from studies.training.data.augment.rand_augment import TONES

FACTORS = [0.0, 0.1, 0.37, 0.9, 1.0, 1.13, 1.81, 1.9]
ARGUMENTS = {
    "AutoContrast": [None],
    "Equalize": [None],
    "Invert": [None],
    "Posterize": [1, 2, 3, 4, 8],
    "Solarize": [0, 1, 77, 128, 255, 256],
    "SolarizeAdd": [0, 13, 99, 110],
    "Color": FACTORS,
    "Contrast": FACTORS,
    "Brightness": FACTORS,
    "Sharpness": FACTORS,
}


def images(x: torch.Tensor) -> list[Image.Image]:
    return [Image.fromarray(one.permute(1, 2, 0).numpy()) for one in x]


def tensors(pictures: list[Image.Image]) -> torch.Tensor:
    return torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in pictures])


def hard_cases() -> torch.Tensor:
    """Real pictures, and such of one value, of two, of few, and of noise."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (4, 3, 32, 32), generator=generator)
    flat = torch.full((1, 3, 32, 32), 93)
    two = torch.randint(0, 2, (1, 3, 32, 32), generator=generator) * 150 + 20
    few = torch.randint(100, 120, (2, 3, 32, 32), generator=generator)
    half = flat.clone()
    half[:, :, :16] = 200
    return torch.cat((coloured_digits(40)[0], torch.cat((noise, flat, two, few, half)).to(torch.uint8)))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_change_of_colour_is_timms_to_the_bit(name: str) -> None:
    x, operation = hard_cases(), TONES[name][0]
    for argument in ARGUMENTS[name]:
        given = [] if argument is None else [argument]
        expected = tensors([timm_ops.NAME_TO_OP[name](one, *given) for one in images(x)])
        made = operation(x.clone(), torch.full((len(x),), float(argument or 0), dtype=torch.float64))
        assert torch.equal(made, expected), argument


def test_the_operations_are_those_of_timm_in_another_order() -> None:
    assert (
        set(ARGUMENTS)
        == set(TONES)
        == {n for n in timm_ops._RAND_TRANSFORMS if n in timm_ops.NAME_TO_OP}
        - {
            "Rotate",
            "ShearX",
            "ShearY",
            "TranslateXRel",
            "TranslateYRel",
        }
    )


def test_posterizing_to_no_bits_gives_black_which_pillow_13_refuses() -> None:
    x = coloured_digits(3)[0]
    assert not tones.posterize(x, torch.zeros(3)).any()


def test_color_jitter_is_torchvisions_with_the_same_factors_in_the_same_order() -> None:
    from torchvision.transforms import functional

    x = coloured_digits(36)[0]
    theirs = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
    assert [c.__name__ for c in CHANGES] == ["brightness", "contrast", "color"]
    factors = 0.6 + 0.8 * torch.rand(36, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    order = torch.arange(36) % len(ORDERS)
    expected = images(x)
    for i, one in enumerate(expected):
        for change in ORDERS[order[i]]:
            expected[i] = one = theirs[change](one, float(factors[i, change]))
    assert torch.equal(jittered(x.clone(), factors, order), tensors(expected))
