"""The linear map of every block, by the faster of the two libraries that PyTorch brings for it to a CPU."""

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

LARGE = 8_000_000  # multiply-adds of a product, from which on speed outweighs what it costs to ask


class Linear(nn.Linear):
    """x W^T + b. (..., in_features) to (..., out_features); weights, names and results are those of `nn.Linear`.

    PyTorch multiplies float32 matrices by MKL, which keeps its AVX-512 kernels for Intel's processors: on another one
    that has AVX-512, oneDNN is twice as fast. There it is asked for large products, forward and backward. Everywhere
    else (another device or dtype, autocast, while a model is compiled, exported or traced) this is `nn.Linear`.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map the last axis."""
        return linear(x, self.weight, self.bias)


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """`F.linear`, by oneDNN where that is faster."""
    large = x.numel() * weight.shape[0] >= LARGE
    if _recorded() or not (large and onednn_is_faster() and _plain(x) and _plain(weight)):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(x, weight, bias)
    return _product(x, weight, bias)


@cache
def onednn_is_faster() -> bool:
    """Whether the processor has AVX-512 and is not Intel's, and PyTorch has both libraries."""
    cpuinfo = Path("/proc/cpuinfo")
    return (
        torch.backends.mkl.is_available()
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and cpuinfo.exists()
        and "GenuineIntel" not in cpuinfo.read_text()
    )


class _Linear(torch.autograd.Function):
    """The gradients are products too, by the same way; so they have gradients in their turn."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return _product(x, weight, bias)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows = gradients[0].reshape(-1, weight.shape[0]).contiguous()
        return (
            linear(rows, weight.t()).view(x.shape) if of_x else None,
            linear(rows.t(), x.reshape(-1, x.shape[-1]).t()) if of_weight else None,
            rows.sum(dim=0) if of_bias else None,
        )


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _plain(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32


def _recorded() -> bool:
    """Whether somebody else decides which operator this becomes."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing() or torch.is_autocast_enabled("cpu")
