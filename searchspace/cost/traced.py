"""What a module costs: parameters, multiply-adds and activations, counted by fvcore in one trace of it.

One fused multiply-add counts as one MAC, and all figures are for one picture: a linear from 10 to 20 channels
over 7 tokens is 10 x 20 x 7 = 1400 MACs. fvcore adds normalisation (5 a value with affine weights in layer norm,
2 in batch norm) and pooling, and has no figure for fused attention, which `_attention` supplies.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch
from fvcore.nn import FlopCountAnalysis
from fvcore.nn.jit_handles import (
    Handle,
    addmm_flop_jit,
    bmm_flop_jit,
    conv_flop_jit,
    einsum_flop_jit,
    linear_flop_jit,
    matmul_flop_jit,
)
from torch import nn

from searchspace.build import PARTS, build
from searchspace.cost.composed import Part
from searchspace.spec import ModelSpec

# Operators that move or compare data or work element by element: free by the field's convention.
FREE = frozenset(
    "aten::" + name
    for name in [
        "abs",
        "add",
        "add_",
        "sub",
        "rsub",
        "mul",
        "mul_",
        "div",
        "div_",
        "neg",
        "exp",
        "sqrt",
        "pow",
        "square",
        "sigmoid",
        "tanh",
        "relu",
        "relu_",
        "relu6",
        "hardtanh",
        "hardtanh_",
        "hardsigmoid",
        "hardswish",
        "hardswish_",
        "silu",
        "silu_",
        "gelu",
        "softmax",
        "log_softmax",
        "sum",
        "mean",
        "max_pool2d",
        "avg_pool2d",
        "dropout",
        "dropout_",
        "feature_dropout",
        "im2col",
        "repeat",
        "expand",
        "unflatten",
        "pad",
        "where",
        "scaled_add",
        "clone",
        "clamp",
        "clamp_min",
    ]
)


class CountError(RuntimeError):
    """The model uses an operator that is neither counted nor declared free."""


@dataclass(frozen=True)
class Cost:
    """Figures of one picture through one model.

    Attributes:
        params: all parameters, fixed ones (sinusoid, random features) included.
        trainable: parameters with a gradient.
        macs: multiply-adds of a forward pass.
        activations: values that convolutions, linears and attention put out in a forward pass.
    """

    params: int
    trainable: int
    macs: int
    activations: int

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)


def cost(spec: ModelSpec) -> Cost:
    """Count a whole model in one trace: what the sum over its parts (`searchspace.cost.composed`) must equal.

    Raises:
        CountError: if an operator is neither counted nor declared free.
    """
    return _cost(*_on_meta(lambda: build(spec), (1, spec.in_chans, *spec.img_size)))


def part_cost(part: Part) -> Cost:
    """Count a part of a model.

    Raises:
        CountError: if an operator is neither counted nor declared free.
    """
    return _cost(*_on_meta(lambda: PARTS[part.kind](*part.arguments), part.shape))


def layers(spec: ModelSpec, depth: int = 2) -> list[dict[str, Any]]:
    """The cost module by module, down to `depth` levels of names: module, params, macs, activations."""
    model, inputs = _on_meta(lambda: build(spec), (1, spec.in_chans, *spec.img_size))
    found = _analysis(model, inputs).by_module_and_operator()
    return [
        {
            "module": name or "(all)",
            "params": sum(p.numel() for p in module.parameters()),
            "macs": _macs(found[name]),
            "activations": int(found[name][ACTIVATIONS]),
        }
        for name, module in model.named_modules()
        if len(name.split(".")) <= depth
    ]


def _cost(model: nn.Module, inputs: torch.Tensor) -> Cost:
    counted = _analysis(model, inputs).by_operator()
    return Cost(
        params=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        macs=_macs(counted),
        activations=int(counted[ACTIVATIONS]),
    )


def _macs(counted: Counter[str]) -> int:
    return int(sum(n for name, n in counted.items() if name != ACTIVATIONS))


def _on_meta(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> tuple[nn.Module, torch.Tensor]:
    """A module and what goes into it, without memory where that can be counted."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = make().eval()
        inputs = torch.zeros(shape)
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):
        # fvcore's trace of a convolution fails on the meta device: real memory, whatever its values.
        return model.to_empty(device="cpu"), torch.zeros(shape)
    return model, inputs


def _analysis(model: nn.Module, inputs: torch.Tensor) -> FlopCountAnalysis:
    """Multiply-adds by operator, and activations under a name of their own: one trace gives both."""
    for name in ("fvcore.nn.jit_analysis", "fvcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    found = FlopCountAnalysis(model, inputs)
    for operator, macs in OUTPUTS_KEPT.items():
        found.set_op_handle(operator, _with_outputs(macs))
    found.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    found.total()  # traces
    unknown = {op: n for op, n in found.unsupported_ops().items() if op not in FREE}
    if unknown:
        listed = ", ".join(f"{op} ({n} times)" for op, n in sorted(unknown.items()))
        raise CountError(
            f"no count for {listed}: give it a handle in searchspace/cost/traced.py or declare it free there"
        )
    return found


def _shape(value: Any) -> list[int]:
    return value.type().sizes()


def _with_outputs(macs: Handle) -> Handle:
    """A handle that counts what an operator puts out beside its multiply-adds."""

    def handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        counted = macs(inputs, outputs)
        both = Counter(counted) if isinstance(counted, Counter) else Counter({"macs": counted})
        both[ACTIVATIONS] += prod(_shape(outputs[0]))
        return both

    return handle


def _attention(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """batch x heads x N_q x N_k x (D_q + D_v): q k^T, then the weights times v."""
    *lead, queries, q_dim = _shape(inputs[0])
    keys, v_dim = _shape(inputs[2])[-2:]
    return Counter({"attention": prod(lead) * queries * keys * (q_dim + v_dim)})


ACTIVATIONS = "activations"
OUTPUTS_KEPT: dict[str, Handle] = {  # operators whose outputs count as activations, and what counts their multiply-adds
    "aten::_convolution": conv_flop_jit,
    "aten::addmm": addmm_flop_jit,
    "aten::bmm": bmm_flop_jit,
    "aten::einsum": einsum_flop_jit,
    "aten::linear": linear_flop_jit,
    "aten::matmul": matmul_flop_jit,
    "aten::scaled_dot_product_attention": _attention,
}
