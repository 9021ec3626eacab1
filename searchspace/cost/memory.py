"""What training keeps for the backward pass: the bytes of activations, measured on the module itself."""

from typing import Any

import torch
from torch import nn

from blocks.linear import as_on_gpu
from searchspace.build import build
from searchspace.spec import ModelSpec

BATCH = 2  # batch norm wants more than one picture


def activation_bytes(spec: ModelSpec) -> int:
    """Bytes that one picture's forward pass in training keeps for its backward pass, in float32.

    Each storage that autograd saves is counted once, parameters not at all. The pass runs on a CPU and keeps what it
    would on a GPU; the fused attention of both keeps no weights, which that of the meta device would. Under autocast it
    is about half; what operators need for the moment comes on top.
    """
    with torch.random.fork_rng(devices=[]), as_on_gpu():
        model = build(spec).train()
        return _saved(model, torch.zeros(BATCH, spec.in_chans, *spec.img_size)) // BATCH


def _saved(model: nn.Module, inputs: torch.Tensor) -> int:
    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, Any] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage  # held, so that no other storage takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(inputs)
    del output
    return sum(storage.nbytes() for storage in kept.values())
