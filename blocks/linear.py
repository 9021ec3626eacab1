"""The linear map of every block, by the faster of the two libraries that PyTorch brings for it to a CPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from blocks.recorded import is_recorded

Function = Callable[[torch.Tensor], torch.Tensor]
Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
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
    if f and (is_recorded(x) or weight.numel() < WIDE):
        x, f = f(x), None
    if f is None and not _by_onednn(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(x, weight, bias, f)
    return _product(x, weight)(f(x) if f else x, weight, bias)


class _Linear(torch.autograd.Function):
    """The gradients are products too, by the same way; so they have gradients in their turn."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, f: Function | None):
        ctx.save_for_backward(x, weight)
        ctx.f = f
        ctx.autocast = torch.is_autocast_enabled(x.device.type), torch.get_autocast_dtype(x.device.type)
        ctx.product = _product(x, weight)
        return ctx.product(f(x) if f else x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias, _ = ctx.needs_input_grad
        product = linear if torch.is_grad_enabled() else ctx.product  # for as many multiply-adds, by the same library
        rows = gradient.reshape(-1, weight.shape[0])
        of_x = of_weight = None
        with _autocast(x.device.type, *ctx.autocast):
            y = x
            if ctx.f:
                with torch.enable_grad():
                    y = ctx.f(x)
            if wants_x:
                of_x = product(rows, weight.t(), None).view(y.shape)
            if wants_weight:
                of_weight = _of_weight(product, rows, y.reshape(-1, y.shape[-1]))
        if wants_x and ctx.f:
            (of_x,) = torch.autograd.grad(y, x, of_x, create_graph=torch.is_grad_enabled())
        return of_x, of_weight, rows.sum(dim=0) if wants_bias else None, None


def _of_weight(product: Product, gradient: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """gradient^T x, or the transpose of x^T gradient: oneDNN takes up to a third less time for a wide product."""
    if gradient.shape[1] > x.shape[1]:
        return product(x.t(), gradient.t(), None).t()
    return product(gradient.t(), x.t(), None)


def _autocast(kind: str, enabled: bool, dtype: torch.dtype) -> AbstractContextManager[object]:
    if (torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) == (enabled, dtype):
        return nullcontext()
    return torch.autocast(kind, dtype, enabled)


def _product(x: torch.Tensor, weight: torch.Tensor) -> Product:
    return _onednn if _by_onednn(x, weight) else F.linear


def _onednn(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _by_onednn(x: torch.Tensor, weight: torch.Tensor) -> bool:
    if is_recorded(x) or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
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
