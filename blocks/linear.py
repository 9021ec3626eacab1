"""The linear map of every block, by the faster of the two libraries that PyTorch brings for it to a CPU.

What goes before it, an activation or a layer norm, is made again in the backward pass where it would take much memory.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.module import _has_any_global_hook

from blocks.recorded import is_recorded

Function = Callable[..., torch.Tensor]
Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
LARGE = 2_500_000  # multiply-adds of a product from which on oneDNN's speed outweighs what it costs to ask it
WIDE = 256 * 256  # weights of a map from which on memory outweighs the time of making f(x) again
MANY = 500_000  # values of x from which on it does so on a CPU; 3,136 tokens of 147 values are 460,992
# Activations that draw nothing at random and remember nothing: made again, they give the same.
REPEATABLE = (nn.GELU, nn.ReLU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Tanh, nn.Identity)


class Linear(nn.Linear):
    """f(x) W^T + b, f the identity, an activation or a layer norm. (..., in_features) to (..., out_features).

    Weights, their names and the results are those of `nn.Linear`. Two things are other:

    - PyTorch multiplies float32 by MKL, which keeps its AVX-512 kernels for Intel's processors: on another one that has
      AVX-512, oneDNN is twice as fast. There it multiplies what is large, forward and backward.
    - f(x) is not kept for the backward pass of a wide map or of many values, but made again from x, which f keeps
      anyway. For a layer norm this holds where `after` has asked for it, and for an activation of `REPEATABLE`.

    A model that is compiled, exported, traced or transformed by `torch.func` has PyTorch's own operators.
    """

    def forward(self, x: torch.Tensor, f: Function | None = None) -> torch.Tensor:
        """Map the last axis of f(x); f is an activation, or the layer norm of `after`."""
        if type(f) is nn.LayerNorm:
            shape, eps = f.normalized_shape, f.eps
            norm: Function = lambda x, weight, bias: F.layer_norm(x, shape, weight, bias, eps)  # noqa: E731
            return linear(x, self.weight, self.bias, norm, f.weight, f.bias)
        if f is not None and not _is_repeatable(f):
            x, f = _applied(f, x), None
        return linear(x, self.weight, self.bias, f)


def after(norm: nn.Module, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """module(norm(x)), the same bits with less memory where that can be had.

    On a CPU, a `Linear` that is wide or reads many values is given x and the layer norm, and norm(x) is not kept; so is
    a module whose class names in `reads` the `Linear` that alone reads its input. Not where somebody watches one of
    them by hooks, or has put another module in its place.
    """
    first = getattr(module, getattr(module, "reads", ""), module)
    spared = (
        type(first) is Linear
        and type(norm) is nn.LayerNorm
        and _is_on_cpu(x)
        and _is_made_again(x, first.weight)
        and not any(map(is_watched, (norm, module, first)))
    )
    if not spared:
        return module(norm(x))
    return module(x, norm) if first is module else module(x, norm=norm)


def activated(activation: nn.Module, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """module(activation(x)), the same bits with less memory where `module` is a `Linear` that nobody watches."""
    if type(module) is Linear and not is_watched(module):
        return module(x, activation)
    return module(_applied(activation, x))


def linear(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    f: Function | None = None,
    *parameters: torch.Tensor,
) -> torch.Tensor:
    """`F.linear` of f(x, *parameters), as `Linear` has it. f keeps the shape of x."""
    if f and not _is_made_again(x, weight):
        x, f = f(x, *parameters), None
    if f is None and not _by_onednn(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(x, weight, bias, f, *parameters)
    return _product(x, weight)(f(x, *parameters) if f else x, weight, bias)


class _Linear(torch.autograd.Function):
    """The gradients are products too, by the same way; so they have gradients in their turn."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, f: Function | None, *of_f):
        ctx.save_for_backward(x, weight, *of_f)
        ctx.f = f
        ctx.autocast = torch.is_autocast_enabled(x.device.type), torch.get_autocast_dtype(x.device.type)
        ctx.product = _product(x, weight)
        return ctx.product(f(x, *of_f) if f else x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        x, weight, *of_f = ctx.saved_tensors
        wants_x, wants_weight, wants_bias, _, *wants_of_f = ctx.needs_input_grad
        before = [x] if wants_x else []
        product = linear if torch.is_grad_enabled() else ctx.product  # for as many multiply-adds, by the same library
        rows = gradient.reshape(-1, weight.shape[0])
        of_before: list[torch.Tensor] = []
        of_weight = None
        with _autocast(x.device.type, *ctx.autocast):
            y = x
            if ctx.f:
                with torch.enable_grad():
                    again = [t if t is None else t.view_as(t) for t in (x, *of_f)]  # gradients of this use alone
                    y = ctx.f(*again)
                before = [t for t, wanted in zip(again, (wants_x, *wants_of_f), strict=True) if wanted]
            if before:
                of_before = [product(rows, weight.t(), None).view(y.shape)]
            if wants_weight:
                of_weight = _of_weight(product, rows, y.reshape(-1, y.shape[-1]))
        if before and ctx.f:
            of_before = list(torch.autograd.grad(y, before, of_before, create_graph=torch.is_grad_enabled()))
        of_x = of_before.pop(0) if wants_x else None
        of_parameters = [of_before.pop(0) if wanted else None for wanted in wants_of_f]
        return of_x, of_weight, rows.sum(dim=0) if wants_bias else None, None, *of_parameters


def _of_weight(product: Product, gradient: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """gradient^T x, or the transpose of x^T gradient: oneDNN takes up to a third less time for a wide product."""
    if gradient.shape[1] > x.shape[1]:
        return product(x.t(), gradient.t(), None).t()
    return product(gradient.t(), x.t(), None)


_for_gpu = False


@contextmanager
def as_on_gpu() -> Iterator[None]:
    """A model on a CPU keeps for its backward pass what it would keep on a GPU: to measure that."""
    global _for_gpu
    before, _for_gpu = _for_gpu, True
    try:
        yield
    finally:
        _for_gpu = before


def _is_on_cpu(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and not _for_gpu


def _is_made_again(x: torch.Tensor, weight: torch.Tensor) -> bool:
    if is_recorded(x):
        return False
    return weight.numel() >= WIDE or (x.numel() >= MANY and _is_on_cpu(x))


def _applied(f: Function, x: torch.Tensor) -> torch.Tensor:
    """f(x), also where f writes into what it is given: what an autograd function puts out does not bear that."""
    return f(x.clone() if getattr(f, "inplace", False) else x)


def _is_repeatable(f: Function) -> bool:
    if not isinstance(f, nn.Module) or type(f) not in REPEATABLE:
        return False
    return not getattr(f, "inplace", False) and not is_watched(f)


def is_watched(module: nn.Module) -> bool:
    """Whether hooks, or a forward method of its own, want to see the calls of a module."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or "forward" in vars(module)
        or _has_any_global_hook()
    )


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
