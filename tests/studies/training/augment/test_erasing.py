import random

import pytest
import torch
from timm.data.random_erasing import RandomErasing

from studies.training.data.augment.erasing import Erasing


def uniform(count: int, columns: int) -> torch.Tensor:
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def erase(stage: Erasing, count: int, side: int = 32) -> torch.Tensor:
    """Pictures of 9s, erased here and there."""
    return stage(torch.full((count, 3, side, side), 9.0), uniform(count, stage.numbers))


@pytest.mark.parametrize(("mode", "count"), [("const", 1), ("rand", 1), ("pixel", 1), ("const", 4)])
def test_as_much_is_erased_as_timm_erases(mode: str, count: int) -> None:
    ours = erase(Erasing(0.5, mode, count), 1500)
    random.seed(1)
    torch.manual_seed(0)
    theirs = RandomErasing(0.5, mode=mode, max_count=count, device="cpu")(torch.full((1500, 3, 32, 32), 9.0))
    (a, b), shares = ((x != 9).flatten(1).float().mean(1) for x in (ours, theirs)), torch.linspace(0.4, 1, 13)[:-1]
    assert abs((a > 0).float().mean() - (b > 0).float().mean()) < 0.05
    assert (a.quantile(shares) - b.quantile(shares)).abs().max() < 0.05


def test_what_is_erased_is_a_rectangle_in_all_channels() -> None:
    for one in erase(Erasing(1.0, "const", 1), 50):
        gone = one == 0
        assert torch.equal(gone[0], gone[1]) and torch.equal(gone[0], gone[2])
        assert torch.equal(gone[0], gone[0].any(1)[:, None] & gone[0].any(0))
        rows, columns = gone[0].any(1).nonzero()[:, 0], gone[0].any(0).nonzero()[:, 0]
        assert len(rows) == rows[-1] - rows[0] + 1 and len(columns) == columns[-1] - columns[0] + 1
        assert 0 < len(rows) < 32 and 0 < len(columns) < 32


def test_a_rectangle_has_one_normal_colour_with_rand_and_normal_noise_with_pixel() -> None:
    colours = torch.cat([one[one != 9].unique() for one in erase(Erasing(1.0, "rand", 1), 400)])
    assert len(colours) == 3 * 400
    noise = torch.cat([one[one != 9] for one in erase(Erasing(1.0, "pixel", 1), 400)])
    assert len(noise.unique()) > 0.5 * len(noise)
    for values in (colours, noise):
        assert abs(values.mean()) < 0.1 and abs(values.std() - 1) < 0.1


def test_a_picture_is_erased_alike_in_any_batch() -> None:
    stage, x = Erasing(0.5, "pixel", 3), torch.full((20, 3, 16, 16), 9.0)
    u = uniform(20, stage.numbers)
    alone = torch.cat([stage(x[i : i + 1].clone(), u[i : i + 1]) for i in range(20)])
    assert torch.equal(stage(x.clone(), u), alone)
