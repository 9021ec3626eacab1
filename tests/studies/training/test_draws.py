"""What layers draw at random is the same however a batch is cut."""

import copy

import pytest
import torch
from timm.layers import DropPath
from torch import nn

from studies.training.data.part import Part
from studies.training.draws import Draws

BATCH = 16


def parted(layer: nn.Module, x: torch.Tensor, count: int) -> torch.Tensor:
    """What a layer gives for a batch in so many parts, put together; each part draws from the same random state."""
    draws, model = Draws(), nn.Sequential(copy.deepcopy(layer))
    draws.apply(model)
    found = torch.zeros_like(x)
    for i in range(count):
        rows = Part(i, count).rows(len(x))
        torch.manual_seed(7)
        with draws.of(rows, len(x)):
            found[rows] = model(x[rows])
    return found


@pytest.mark.parametrize("count", [1, 2, 4, 8])
@pytest.mark.parametrize("layer", [nn.Dropout(0.4), DropPath(0.4), DropPath(0.4, scale_by_keep=False)], ids=str)
@pytest.mark.parametrize("shape", [(BATCH, 5), (BATCH, 6, 5), (BATCH, 3, 4, 4)], ids=str)
def test_a_part_draws_what_the_whole_batch_does(layer: nn.Module, shape: tuple[int, ...], count: int) -> None:
    x = torch.randn(shape)
    torch.manual_seed(7)
    whole = layer.train()(x)
    assert (whole == 0).any() and (whole != 0).any()
    assert torch.equal(parted(layer, x, count), whole)


def test_it_does_in_whatever_order_the_numbers_lie_in_memory() -> None:
    for x in (
        torch.randn(BATCH, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        torch.randn(BATCH, 5, 6).transpose(1, 2),
        torch.randn(BATCH, 6, 5)[:, 0],
    ):
        torch.manual_seed(7)
        whole = nn.Dropout(0.4)(x)
        draws, model = Draws(), nn.Sequential(nn.Dropout(0.4))
        draws.apply(model)
        torch.manual_seed(7)
        with draws.of(Part().rows(BATCH), BATCH):
            assert torch.equal(model(x), whole)


def test_nothing_is_drawn_in_evaluation_without_dropout_or_for_what_is_no_part() -> None:
    draws, x = Draws(), torch.randn(4, 5)
    model = nn.Sequential(nn.Dropout(0.0), nn.Dropout(0.4), DropPath(0.4))
    draws.apply(model)
    with draws.of(torch.arange(4), 8):
        assert torch.equal(model.eval()(x), x)
        state = torch.get_rng_state()
        model[0].train()(x)
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(7)
        other = model[1].train()(x[:2])  # two pictures are no part of four
    torch.manual_seed(7)
    assert torch.equal(other, nn.Dropout(0.4)(x[:2]))


def test_a_models_names_parameters_and_numbers_stay() -> None:
    plain = nn.Sequential(nn.Linear(5, 5), nn.Sequential(nn.Dropout(0.4), nn.Linear(5, 5)), DropPath(0.4))
    model = copy.deepcopy(plain)
    Draws().apply(model)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert [name for name, _ in model.named_modules()] == [name for name, _ in plain.named_modules()]
    x = torch.randn(4, 5)
    torch.manual_seed(7)
    expected = plain(x)
    torch.manual_seed(7)
    assert torch.equal(model(x), expected)
