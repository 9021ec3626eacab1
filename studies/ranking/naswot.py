"""How well an untrained network tells pictures apart by which of its units are active."""

import torch
from torch import nn

# Units that are about linear above 0 and about 0 below it, as a rectifier.
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish, nn.LeakyReLU, nn.ELU)


def naswot(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """log |det K|, K[i, j] the number of units that are active for both pictures i and j or for neither.

    A unit is an entry of what goes into a rectifier, for each token of it; it is active above 0. GELU counts as one,
    where the paper has ReLU. -inf if two pictures have the same code.

    Source: Mellor et al., "Neural architecture search without training", arXiv 2006.04647, section 3.
    """
    kernel = torch.zeros(len(x), len(x), dtype=torch.float64, device=x.device)

    def add(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        active = (inputs[0].flatten(1) > 0).float()
        kernel.add_(active @ active.t() + (1 - active) @ (1 - active).t())

    for module in model.modules():
        if isinstance(module, RECTIFIERS):
            module.register_forward_pre_hook(add)
    with torch.no_grad():
        model(x)
    return float(torch.linalg.slogdet(kernel).logabsdet)
