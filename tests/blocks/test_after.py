"""A linear map after a layer norm: the values and gradients of both, and the normalised values are not kept."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from blocks import linear as module
from blocks.attention import Attention
from blocks.ghost import GhostAttention, GhostMlp
from blocks.linear import Linear, after, as_on_gpu
from blocks.mlp import Mlp
from blocks.transformer_layer import TransformerLayer

Call = Callable[[nn.Module, nn.Module, torch.Tensor], torch.Tensor]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every map were wide."""
    monkeypatch.setattr(module, "WIDE", 1)


def plainly(norm: nn.Module, reader: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return reader(norm(x))


def keeps(call: Call, norm: nn.Module, reader: nn.Module, x: torch.Tensor) -> bool:
    """Whether the normalised values are kept for the backward pass."""
    with torch.no_grad():
        normalised = norm(x)
    saved: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        call(norm, reader, x)
    return any(t.numel() == normalised.numel() and torch.equal(t.flatten(), normalised.flatten()) for t in saved)


def normal(norm: nn.LayerNorm) -> nn.LayerNorm:
    for p in norm.parameters():
        nn.init.normal_(p)
    return norm


READERS = [
    lambda: Linear(8, 5),
    lambda: Attention(8, 2),
    lambda: Mlp(8, 12),
    lambda: GhostMlp(8, 2),
    lambda: GhostAttention(8, 2),
]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("reader", READERS, ids=["linear", "attention", "mlp", "ghost mlp", "ghost attention"])
def test_values_and_gradients_are_those_of_one_after_the_other(reader: Callable[[], nn.Module], affine: bool) -> None:
    torch.manual_seed(0)
    norm, reads = normal(nn.LayerNorm(8, elementwise_affine=affine)).double(), reader().double()
    x, found = torch.randn(2, 3, 8, dtype=torch.float64, requires_grad=True), []
    wanted = [x, *norm.parameters(), *reads.parameters()]
    for call in (after, plainly):
        first = torch.autograd.grad(call(norm, reads, x).square().sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), wanted)
        found.append([*first, *second])
    torch.testing.assert_close(*found)
    assert keeps(plainly, norm, reads, x)
    assert keeps(after, norm, reads, x) is isinstance(reads, GhostAttention), "three maps read what it is given"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_bits_are_the_same_in_other_formats(dtype: torch.dtype) -> None:
    norm, reads = normal(nn.LayerNorm(8)).to(dtype), Linear(8, 5).to(dtype)
    x, found = torch.randn(4, 8, dtype=dtype, requires_grad=True), []
    for call in (after, plainly):
        out = call(norm, reads, x)
        found.append([out, *torch.autograd.grad(out.sum(), [x, *norm.parameters(), *reads.parameters()])])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_norm_may_be_used_twice(create_graph: bool) -> None:
    torch.manual_seed(0)
    norm, reads, x = normal(nn.LayerNorm(8)), Linear(8, 8), torch.randn(4, 8, requires_grad=True)
    found = []
    for call in (after, plainly):
        y = x
        for _ in range(3):
            y = y + call(norm, reads, y)
        wanted = [x, *norm.parameters(), *reads.parameters()]
        grads = torch.autograd.grad(y.square().sum(), wanted, create_graph=create_graph)
        found.append([*grads, *(torch.autograd.grad(grads[0].square().sum(), wanted) if create_graph else ())])
    torch.testing.assert_close(*found)


def test_what_is_frozen_or_has_no_gradient_is_left_out() -> None:
    norm, reads = normal(nn.LayerNorm(8)), Linear(8, 5)
    norm.requires_grad_(False)
    for x in (torch.randn(4, 8, requires_grad=True), torch.randn(4, 8)):
        reads.zero_grad()
        after(norm, reads, x).sum().backward()
        assert reads.weight.grad is not None
        torch.testing.assert_close(reads.weight.grad, torch.ones(5, 4) @ norm(x))
    norm.requires_grad_(True)
    after(norm, reads, torch.zeros(4, 8)).sum().backward()
    torch.testing.assert_close(norm.bias.grad, 4 * reads.weight.sum(dim=0))


class Subclass(nn.LayerNorm):
    """Of the user's."""


@pytest.mark.parametrize(
    "norm",
    [nn.RMSNorm(8), Subclass(8), nn.utils.parametrizations.weight_norm(nn.LayerNorm(8), dim=None), nn.Identity()],
    ids=["rms norm", "subclass", "parametrised", "identity"],
)
def test_any_other_norm_learns_as_ever(norm: nn.Module) -> None:
    reads, x = Mlp(8, 12), torch.randn(4, 8, requires_grad=True)
    for direct in (False, True):
        norm.zero_grad()
        (reads.fc1(x, norm) if direct else after(norm, reads, x)).square().sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in norm.parameters())


def test_modules_in_the_place_of_a_layers_parts_are_given_the_normalised_tokens() -> None:
    layer, x = TransformerLayer(8, Attention(8, 2), Mlp(8, 12)), torch.randn(2, 3, 8)
    layer.attn = layer.mlp = nn.Identity()
    between = x + layer.norm1(x)
    torch.testing.assert_close(layer(x), between + layer.norm2(between))
    layer.mlp = Mlp(8, 12)
    layer.mlp.fc1 = nn.Sequential(layer.mlp.fc1)  # type: ignore[assignment]  # as adapters wrap a map
    torch.testing.assert_close(layer(x), between + layer.mlp(layer.norm2(between)))


@pytest.mark.parametrize("watched", ["norm2", "mlp", "mlp.fc1"])
def test_hooks_see_what_they_would_without(watched: str) -> None:
    layer, x = TransformerLayer(8, Attention(8, 2), Mlp(8, 12)), torch.randn(2, 3, 8, requires_grad=True)
    seen: list[torch.Tensor] = []
    hook = layer.get_submodule(watched).register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    layer(x).sum().backward()
    hook.remove()
    between = x + layer.attn(layer.norm1(x))
    assert len(seen) == 1
    torch.testing.assert_close(seen[0], between if watched == "norm2" else layer.norm2(between))


def test_global_hooks_see_the_norm_too() -> None:
    norm, reads, seen = nn.LayerNorm(8), Linear(8, 5), []
    hook = nn.modules.module.register_module_forward_hook(lambda module, given, out: seen.append(type(module)))
    after(norm, reads, torch.randn(4, 8, requires_grad=True))
    hook.remove()
    assert seen == [nn.LayerNorm, Linear]


def test_what_would_be_kept_on_a_gpu_can_be_measured_on_a_cpu() -> None:
    norm, reads, x = nn.LayerNorm(8), Linear(8, 5), torch.randn(4, 8, requires_grad=True)
    with as_on_gpu():
        assert keeps(after, norm, reads, x)
    assert not keeps(after, norm, reads, x)


def test_the_weights_of_a_functional_call_are_taken() -> None:
    norm, reads, x = nn.LayerNorm(8), Linear(8, 5), torch.randn(4, 8)

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.reads = norm, reads

        def forward(self, x: torch.Tensor, call: Call) -> torch.Tensor:
            return call(self.norm, self.reads, x)

    model, found = Both(), []
    given = {name: torch.randn_like(p).requires_grad_() for name, p in model.named_parameters()}
    for call in (after, plainly):
        out = torch.func.functional_call(model, given, (x, call))
        found.append(torch.autograd.grad(out.square().sum(), list(given.values())))
    torch.testing.assert_close(*found)
