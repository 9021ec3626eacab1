"""Mixup and cutmix over a batch, by timm's `Mixup`."""

import numpy as np
import torch
from timm.data import Mixup

from studies.training.seeding import derived
from studies.trials.recipe import Recipe


class Mixer:
    """Mixes the pictures of a batch and their labels, as a function of the seed and the step."""

    def __init__(self, recipe: Recipe, num_classes: int) -> None:
        augment = recipe.augment
        self._mixup = None
        if augment and augment.mixes:
            self._mixup = Mixup(
                mixup_alpha=augment.mixup,
                cutmix_alpha=augment.cutmix,
                prob=augment.mixup_prob,
                switch_prob=augment.mixup_switch_prob,
                mode="batch",
                label_smoothing=recipe.label_smoothing,
                num_classes=num_classes,
            )

    def __call__(self, x: torch.Tensor, y: torch.Tensor, seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, C, H, W), changed in place, and targets (B, K); as they are if the recipe does not mix.

        Every part of a batch is mixed alike, and a part holds whole pairs: so parts are mixed as the batch would be.
        """
        if self._mixup is None:
            return x, y
        np.random.seed(derived(seed, "mix", step) % 2**32)  # timm draws from NumPy's global state
        return self._mixup(x, y)
