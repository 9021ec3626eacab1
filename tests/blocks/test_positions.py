import numpy as np
import pytest
import torch

from blocks.positions import resize_positions, sinusoid
from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset


def test_the_sinusoid_is_that_of_the_paper_worked_out_in_numpy() -> None:
    table = sinusoid(5, 6)[0].numpy()
    for n in range(5):
        for j in range(6):
            angle = n / 10000 ** (2 * (j // 2) / 6)
            assert table[n, j] == pytest.approx(np.cos(angle) if j % 2 else np.sin(angle), abs=1e-7)


def test_resizing_keeps_the_prefix_and_a_constant_table() -> None:
    table = torch.full((1, 2 + 12, 4), 3.0)
    table[:, :2] = 7.0
    resized = resize_positions(table, (3, 4), (6, 5), num_prefix=2)
    assert resized.shape == (1, 2 + 30, 4)
    assert (resized[:, :2] == 7).all()
    torch.testing.assert_close(resized[:, 2:], torch.full((1, 30, 4), 3.0))


def test_resizing_knows_rows_from_columns() -> None:
    rows = torch.arange(3.0)[:, None].expand(3, 4).reshape(1, 12, 1)
    resized = resize_positions(torch.cat((torch.zeros(1, 1, 1), rows), 1), (3, 4), (3, 8))[:, 1:].reshape(3, 8)
    torch.testing.assert_close(resized, torch.arange(3.0)[:, None].expand(3, 8))


def test_a_table_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="13 rows, got 5"):
        resize_positions(torch.zeros(1, 5, 4), (3, 4), (3, 4))


def test_the_same_grid_gives_the_table_itself() -> None:
    table = sinusoid(13, 4)
    assert resize_positions(table, (3, 4), (3, 4)) is table


@pytest.mark.parametrize("name", ["t2t_vit_7", "vit_dn", "t2t_vit_c_14"])
def test_a_model_takes_pictures_of_another_size_that_are_not_square(name: str) -> None:
    model = build(override(preset(name), {"num_classes": 3, "img_size": 64})).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 3, 96, 160)).shape == (1, 3)
