"""Initial weights of transformers."""

from math import sqrt

from timm.layers import trunc_normal_
from torch import nn

SCHEMES = ("trunc_normal", "lecun_normal")
# Standard deviation of a learned position table. A small, short training cannot grow one from 0.02: under
# lecun_normal it starts as strong as the sinusoid, whose mean square is 1/2.
POSITION_STD = {"trunc_normal": 0.02, "lecun_normal": sqrt(0.5)}


def initialise(model: nn.Module, scheme: str) -> None:
    """Draw the weights of every linear and convolution anew, in place; biases become zero.

    `trunc_normal`: a truncated normal of standard deviation 0.02 for linears, as the paper's code has it;
    convolutions keep torch's own. `lecun_normal`: standard deviation 1 / sqrt(fan in) for both, which 0.02
    stands for at widths around 768 and is far from at the widths of small scales.

    Raises:
        ValueError: if the scheme is unknown.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"the scheme must be one of {SCHEMES}, got {scheme!r}")
    for module in model.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        if scheme == "lecun_normal":
            trunc_normal_(module.weight, std=1 / sqrt(module.weight[0].numel()))
        elif isinstance(module, nn.Linear):
            trunc_normal_(module.weight, std=0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
