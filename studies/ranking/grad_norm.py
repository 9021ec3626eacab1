"""How large the gradients of an untrained network are."""

import torch
import torch.nn.functional as F
from torch import nn


def grad_norm(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The Euclidean norms of the gradients of the cross entropy, summed over the trainable parameters of the model.

    Source: Abdelfattah et al., "Zero-cost proxies for lightweight NAS", arXiv 2101.08134, section 3.1; biases and norms
    are among the parameters here.
    """
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()
    return sum(float(p.grad.norm()) for p in model.parameters() if p.grad is not None)
