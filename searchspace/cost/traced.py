"""What a spec costs: parameters, multiply-adds and activations, counted by fvcore on the module itself.

One fused multiply-add counts as one MAC, and all figures are for one picture: a linear from 10 to 20 channels
over 7 tokens is 10 x 20 x 7 = 1400 MACs. fvcore adds normalisation (5 a value with affine weights in layer norm,
2 in batch norm) and pooling, and has no figure for fused attention, which `_attention` supplies.
"""

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from math import prod
from typing import Any

import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
from torch import nn

from searchspace.build import build
from searchspace.spec import ModelSpec, model_spec

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
    """Count a spec; remembered for the life of the process.

    Raises:
        CountError: if an operator is neither counted nor declared free.
    """
    return _cost(spec.model_dump_json())


@cache
def _cost(text: str) -> Cost:
    model, inputs = _model(model_spec(json.loads(text)))
    macs, activations = _analyses(model, inputs)
    return Cost(
        params=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        macs=int(macs.total()),
        activations=int(activations.total()),
    )


def layers(spec: ModelSpec, depth: int = 2) -> list[dict[str, Any]]:
    """The cost module by module, down to `depth` levels of names: module, params, macs, activations."""
    model, inputs = _model(spec)
    macs, activations = _analyses(model, inputs)
    by_macs, by_activations = macs.by_module(), activations.by_module()
    return [
        {
            "module": name or "(all)",
            "params": sum(p.numel() for p in module.parameters()),
            "macs": int(by_macs[name]),
            "activations": int(by_activations[name]),
        }
        for name, module in model.named_modules()
        if len(name.split(".")) <= depth
    ]


def _model(spec: ModelSpec) -> tuple[nn.Module, torch.Tensor]:
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = build(spec).eval()
        inputs = torch.zeros(1, spec.in_chans, *spec.img_size)
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):
        # fvcore's trace of a convolution fails on the meta device: real memory, whatever its values.
        return model.to_empty(device="cpu"), torch.zeros(inputs.shape)
    return model, inputs


def _analyses(model: nn.Module, inputs: torch.Tensor) -> tuple[FlopCountAnalysis, ActivationCountAnalysis]:
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    macs = FlopCountAnalysis(model, inputs).set_op_handle("aten::scaled_dot_product_attention", _attention)
    activations = ActivationCountAnalysis(model, inputs).set_op_handle(
        "aten::scaled_dot_product_attention", _attention_outputs
    )
    for analysis in (macs, activations):
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    macs.total()
    unknown = {op: n for op, n in macs.unsupported_ops().items() if op not in FREE}
    if unknown:
        listed = ", ".join(f"{op} ({n} times)" for op, n in sorted(unknown.items()))
        raise CountError(
            f"no count for {listed}: give it a handle in searchspace/cost/traced.py or declare it free there"
        )
    return macs, activations


def _shape(value: Any) -> list[int]:
    return value.type().sizes()


def _attention(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """batch x heads x N_q x N_k x (D_q + D_v): q k^T, then the weights times v."""
    *lead, queries, q_dim = _shape(inputs[0])
    keys, v_dim = _shape(inputs[2])[-2:]
    return Counter({"attention": prod(lead) * queries * keys * (q_dim + v_dim)})


def _attention_outputs(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"attention": prod(_shape(outputs[0]))})
