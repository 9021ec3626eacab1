"""Whether a network computes, or somebody takes down what it would."""

import torch


def is_recorded(x: torch.Tensor) -> bool:
    """Whether somebody else decides which operators this becomes, or there is nothing to compute.

    So it is where a model is compiled, exported, traced, transformed by `torch.func`, or has no values. Blocks then use
    PyTorch's plain operators, which others know, and not those that are faster on a CPU.
    """
    return (
        x.is_meta
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )
