"""What is done to each picture by itself."""

import pytest
import torch
from PIL import Image

from studies.training.data.transforms import for_training
from studies.training.seeding import seed_all
from studies.trials.recipe import Augment, Recipe


def test_the_strongest_posterising_makes_black_and_no_error() -> None:
    augment = Augment(crop="none", hflip=0.0, auto_augment="rand-m10-n8-inc1")
    transform = for_training(Recipe(epochs=1, batch_size=2, lr=0.1, augment=augment), 16)
    picture, seen = Image.new("RGB", (20, 20), (200, 100, 50)), set()
    for i in range(60):  # of fifteen operations eight are drawn each time
        seed_all(i)
        made = torch.as_tensor(transform(picture))
        assert made.shape == (3, 16, 16)
        seen.add(made.float().mean().item())
    assert len(seen) > 5


@pytest.mark.parametrize("crop", ["none", "pad", "resized"])
def test_pictures_of_any_shape_come_out_square(crop: str) -> None:
    recipe = Recipe(epochs=1, batch_size=2, lr=0.1, augment=Augment(crop=crop), shift=1)  # type: ignore[arg-type]
    for size in ((40, 20), (9, 30)):
        assert torch.as_tensor(for_training(recipe, 16)(Image.new("RGB", size))).shape == (3, 16, 16)
