"""What the layers of a model put out: maps of one picture, and the magnitude of every channel over many."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from blocks.vit import VisionTransformer
from reports.feature_figures import LayerMaps, ModelFeatures, near_zero, places, shown_channels
from studies.training.evaluation import Batch

ACTIVATIONS = ("torch.nn.modules.activation", "timm.layers.activations")  # modules that define them


@dataclass
class _Layer:
    """What is known of a layer after some batches.

    Attributes:
        squares: (C,) float64, sum over all positions of all pictures.
        values: how many each sum is over.
        maps: (shown, H, W) of the first picture.
    """

    squares: torch.Tensor
    values: int
    maps: np.ndarray


def model_features(name: str, model: nn.Module, batches: Iterable[Batch]) -> ModelFeatures:
    """Maps of the first picture in an early, a middle and a late layer, and the near-zero channels of every layer.

    A transformer's layers are its blocks, their tokens without the class token reshaped to an image. A CNN's layers are
    its activations, in the order in which they run (its convolutions, where it has no modules for activations): what
    has one position alone, as in the gate of a squeeze and excitation, is no map and is left out.

    Args:
        name: of the model, for people.
        model: with its weights, in evaluation mode.
        batches: of pictures (B, C, H, W) on the model's device, one at least.

    Raises:
        ValueError: if no layer puts out maps.
    """
    layers: list[_Layer] = []
    with torch.inference_mode():
        for number, (x, _) in enumerate(batches):
            with _watched(model) as seen:
                model(x)
            if number == 0:
                layers = [_Layer(squares, values, first) for squares, values, first in seen]
                continue
            for layer, (squares, values, _) in zip(layers, seen, strict=True):
                layer.squares += squares
                layer.values += values
    if not layers:
        raise ValueError(f"no layer of {name} puts out maps of more than one position")
    return _found(name, layers, "layer" if isinstance(model, VisionTransformer) else "activation")


Seen = tuple[torch.Tensor, int, np.ndarray]  # see `_Layer`


@contextmanager
def _watched(model: nn.Module) -> Iterator[list[Seen]]:
    """A list that gets what each layer puts out in a forward pass, as it runs."""
    seen: list[Seen] = []
    rows, columns = model.grid if isinstance(model, VisionTransformer) else (0, 0)

    def watch(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        maps = output
        if isinstance(model, VisionTransformer):
            maps = output[:, model.num_prefix_tokens :].transpose(1, 2).unflatten(2, (rows, columns))
        if maps.ndim == 4 and maps.shape[2:].numel() > 1:
            squares = maps.float().square().sum((0, 2, 3), dtype=torch.float64).cpu()
            shown = maps[0, shown_channels(maps.shape[1]).tolist()].float().cpu().numpy()
            seen.append((squares, maps.numel() // maps.shape[1], shown))

    handles = [module.register_forward_hook(watch) for module in _layers(model)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _layers(model: nn.Module) -> list[nn.Module]:
    if isinstance(model, VisionTransformer):
        return list(model.blocks)
    activations = [module for module in model.modules() if type(module).__module__.startswith(ACTIVATIONS)]
    return activations or [module for module in model.modules() if isinstance(module, nn.Conv2d)]


def _found(name: str, layers: list[_Layer], kind: str) -> ModelFeatures:
    dead = [near_zero((layer.squares / layer.values).sqrt().numpy()) for layer in layers]
    shown = []
    for i, place in places(len(layers)).items():
        channels = len(dead[i])
        among = dead[i][shown_channels(channels)]
        where = f"{kind} {i + 1} of {len(layers)}"
        shown.append(LayerMaps(place, where, layers[i].maps, among, channels, int(dead[i].sum())))
    return ModelFeatures(name, tuple(shown), np.array([100 * of.mean() for of in dead]))
