"""Mixup and cutmix over a batch and its parts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from studies.training.data.part import Part
from studies.training.losses import Loss
from studies.training.mixing import Mixer
from studies.trials.recipe import Recipe

X = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(16) % 10


def recipe(**augment: object) -> Recipe:
    return Recipe.model_validate({"epochs": 1, "batch_size": 16, "lr": 0.1, "augment": augment})


@pytest.mark.parametrize("augment", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}], ids=str)
def test_parts_are_mixed_as_the_whole_batch_is(augment: dict) -> None:
    mixer = Mixer(recipe(**augment), 10)
    for step in range(8):
        x, target = mixer(X.clone(), Y, 1, step)
        assert torch.allclose(target.sum(1), torch.ones(16), atol=1e-5)
        for i in range(4):
            rows = Part(i, 4).rows(16)
            mine = mixer(X[rows].clone(), Y[rows], 1, step)
            assert torch.equal(mine[0], x[rows])
            assert torch.equal(mine[1], target[rows])


def test_mixing_is_a_function_of_seed_and_step() -> None:
    mixer = Mixer(recipe(mixup=0.8, cutmix=1.0), 10)
    first = mixer(X.clone(), Y, 0, 5)[0]
    np.random.seed(99)
    assert torch.equal(mixer(X.clone(), Y, 0, 5)[0], first)
    assert not torch.equal(mixer(X.clone(), Y, 0, 6)[0], first)
    assert not torch.equal(mixer(X.clone(), Y, 1, 5)[0], first)


def test_without_mixing_a_batch_stays_as_it_is() -> None:
    for asked in (recipe(), recipe(mixup=0.8, mixup_prob=0.0)):
        x, y = Mixer(asked, 10)(X, Y, 0, 0)
        assert x is X and y is Y


def test_the_loss_of_targets_that_are_not_mixed_is_that_of_labels() -> None:
    logits = torch.randn(16, 10, generator=torch.Generator().manual_seed(1))
    smoothed = F.one_hot(Y, 10) * 0.9 + 0.01
    loss = Loss(label_smoothing=0.1)
    assert loss(logits, smoothed, X).item() == pytest.approx(loss(logits, Y, X).item(), rel=1e-6)


def test_mixing_needs_pairs() -> None:
    with pytest.raises(ValueError, match=r"batch_size must be even, got 15; 16 would work"):
        Recipe.model_validate({"epochs": 1, "batch_size": 15, "lr": 0.1, "augment": {"mixup": 0.8}})
