"""Synaptic flow: how much of a constant signal reaches the outputs through the absolute weights."""

from math import inf, log

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm2d)
TINY = 1e-300


def synflow(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """log sum |theta dR/dtheta| over all trainable parameters; R is the sum of the outputs for a picture of ones.

    Parameters are replaced by their absolute values; labels and pictures do not matter. Normalisation is passed over,
    as Abdelfattah et al. (arXiv 2101.08134) do in CNNs, since otherwise no scale of a weight matters. The logarithm
    changes no rank and keeps deep models within the range of a float. Softmax and the kernel of a Performer saturate,
    so that queries and keys have little of the flow. The model is changed.

    Source: Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", arXiv
    2006.05467, eq. 2.
    """
    for module in model.modules():
        if isinstance(module, NORMS):
            module.register_forward_hook(lambda module, inputs, output: inputs[0])
    scale = flow(model, x)
    total = sum(float((p.grad * p.detach()).abs().sum()) for p in model.parameters() if p.grad is not None)
    return log(total) + scale if total > 0 else -inf


def flow(model: nn.Module, x: torch.Tensor) -> float:
    """Leave in a model the gradients of R / |R|, R the sum of its outputs for one picture of ones; log |R| is returned.

    Parameters become absolute ones. The gradients of R itself would overflow where a block computes in float32; and
    fused attention computes its gradients from rounded sums of exponentials, which are useless for logits as large as
    here without normalisation.
    """
    model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    model.zero_grad()
    with sdpa_kernel(SDPBackend.MATH):
        total = model(torch.ones_like(x[:1], dtype=torch.float64)).sum()
        size = max(float(total.detach().abs()), TINY)
        (total / size).backward()
    return log(size)
