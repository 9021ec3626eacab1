"""The linear map of every block, by the faster of the two libraries that PyTorch brings for it to a CPU."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

Function = Callable[[torch.Tensor], torch.Tensor]
LARGE = 2_500_000  # multiply-adds of a product from which on oneDNN's speed outweighs what it costs to ask it
WIDE = 256 * 256  # weights from which on memory outweighs the time of making f(x) again


class Linear(nn.Linear):
    """f(x) W^T + b, f the identity or what is given. (..., in_features) to (..., out_features).

    Weights, their names and the results are those of `nn.Linear`. Two things are other:

    - PyTorch multiplies float32 by MKL, which keeps its AVX-512 kernels for Intel's processors: on another one that has
      AVX-512, oneDNN is twice as fast. There it multiplies what is large, forward and backward.
    - f(x) is not kept for the backward pass of a wide map, but made again from x, which f keeps anyway.

    A model that is compiled, exported, traced or transformed by `torch.func` has PyTorch's own operators.
    """

    def forward(self, x: torch.Tensor, f: Function | None = None) -> torch.Tensor:
        """Map the last axis."""
        return linear(x, self.weight, self.bias, f)


def linear(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, f: Function | None = None
) -> torch.Tensor:
    """`F.linear` of f(x), as `Linear` has it. f goes element by element and has no parameters."""
    if f and (_recorded(x) or weight.numel() < WIDE):
        x, f = f(x), None
    if f is None and not _by_onednn(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(x, weight, bias, f)
    return _product(f(x) if f else x, weight, bias)


class _Linear(torch.autograd.Function):
    """The gradients are products too, by the same way; so they have gradients in their turn."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, f: Function | None):
        ctx.save_for_backward(x, weight)
        ctx.f = f
        ctx.autocast = torch.is_autocast_enabled(x.device.type), torch.get_autocast_dtype(x.device.type)
        return _product(f(x) if f else x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias, _ = ctx.needs_input_grad
        rows = gradient.reshape(-1, weight.shape[0]).contiguous()
        enabled, dtype = ctx.autocast
        of_x = of_weight = None
        with torch.autocast(x.device.type, dtype, enabled):
            with torch.enable_grad():
                y = ctx.f(x) if ctx.f else x
            if wants_x:
                of_x = linear(rows, weight.t()).view(y.shape)
            if wants_weight:
                of_weight = linear(rows.t(), y.reshape(-1, y.shape[-1]).t())
        if wants_x and y is not x:
            (of_x,) = torch.autograd.grad(y, x, of_x, create_graph=torch.is_grad_enabled())
        return of_x, of_weight, rows.sum(dim=0) if wants_bias else None, None


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if _by_onednn(x, weight):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return F.linear(x, weight, bias)


def _by_onednn(x: torch.Tensor, weight: torch.Tensor) -> bool:
    if _recorded(x) or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    return x.dtype == weight.dtype == torch.float32 and x.numel() * weight.shape[0] >= LARGE and onednn_is_faster()


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


def _recorded(x: torch.Tensor) -> bool:
    """Whether somebody else decides which operators this becomes, or there is nothing to compute."""
    return (
        x.is_meta
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )
