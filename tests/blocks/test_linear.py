"""A linear map is `nn.Linear` whichever library multiplies: values, gradients, and wherever it is used."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from blocks import linear as module
from blocks.linear import Linear, linear, onednn_is_faster
from blocks.mlp import Mlp


@pytest.fixture(autouse=True)
def by_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor where oneDNN is faster, whatever this one is."""
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        pytest.skip("PyTorch without oneDNN")
    monkeypatch.setattr(module, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(module, "WIDE", 1)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of what oneDNN was asked for."""
    asked: list[tuple[int, ...]] = []
    product = torch.ops.mkldnn._linear_pointwise
    monkeypatch.setattr(
        torch.ops.mkldnn, "_linear_pointwise", lambda x, *rest: asked.append(tuple(x.shape)) or product(x, *rest)
    )
    return asked


def both(*shape: int, bias: bool = True) -> tuple[Linear, nn.Linear]:
    torch.manual_seed(0)
    ours, theirs = Linear(shape[-1], 5, bias=bias), nn.Linear(shape[-1], 5, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7,), (4, 7), (4, 3), (2, 3, 7), (2, 1, 3, 7)])
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "expanded"])
def test_values_and_gradients_are_those_of_torch(
    shape: tuple[int, ...], bias: bool, layout: str, products: list[tuple[int, ...]]
) -> None:
    ours, theirs = both(*shape, bias=bias)
    x = torch.randn(shape)
    if layout == "transposed":
        x = torch.randn(shape[::-1]).permute(*reversed(range(len(shape))))
    gradient = torch.randn(5).expand(*shape[:-1], 5) if layout == "expanded" else torch.randn(*shape[:-1], 5)
    found = []
    for made in (ours, theirs):
        given = x.clone(memory_format=torch.preserve_format).requires_grad_()
        y = made(given)
        y.backward(gradient)
        found.append([y, given.grad, *(p.grad for p in made.parameters())])
    torch.testing.assert_close(*found)
    assert all(p.grad.is_contiguous() for p in ours.parameters())
    assert len(products) == 3  # forward, and for two gradients


@pytest.mark.parametrize("width", [3, 7])
def test_gradients_have_gradients(width: int) -> None:
    ours, theirs = both(4, width)
    x, found = torch.randn(4, width, requires_grad=True), []
    for made in (ours, theirs):
        (first,) = torch.autograd.grad(made(x).square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), [x, made.weight]))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_what_goes_before_is_made_again_and_not_kept(dtype: torch.dtype | None) -> None:
    ours, theirs = both(4, 7)
    x, found, kept = torch.randn(4, 7, requires_grad=True), [], []
    for y in (lambda x: ours(x, nn.Tanh()), lambda x: theirs(torch.tanh(x))):
        saved: list[torch.Tensor] = []
        with (
            torch.autograd.graph.saved_tensors_hooks(lambda t, saved=saved: saved.append(t) or t, lambda t: t),
            torch.autocast("cpu", dtype=dtype, enabled=dtype is not None),
        ):
            out = y(x)
        (first,) = torch.autograd.grad(out.float().square().sum(), x, create_graph=True)
        found.append([out, first, *torch.autograd.grad(first.square().sum(), x)])
        kept.append({tuple(t.shape) for t in saved if not torch.equal(t.float(), x)})
    torch.testing.assert_close(*found)
    assert (4, 7) in kept[1] - kept[0]


@pytest.mark.parametrize(("wide", "many", "kept"), [(35, 99, False), (36, 28, False), (36, 29, True)])
def test_what_goes_before_is_kept_where_map_and_input_are_small(
    wide: int, many: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WIDE", wide)
    monkeypatch.setattr(module, "MANY", many)
    ours, _ = both(4, 7)
    x = torch.randn(4, 7, requires_grad=True)
    saved: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        ours(x, nn.Tanh())
    assert any(torch.equal(t, x.tanh()) for t in saved if t.shape == x.shape) is kept


def test_an_activation_that_is_watched_is_called_once() -> None:
    ours, _ = both(4, 7)
    act, seen = nn.GELU(), []
    act.register_forward_hook(lambda module, given, out: seen.append(out))
    ours(torch.randn(4, 7, requires_grad=True), act).sum().backward()
    assert len(seen) == 1


@pytest.mark.parametrize("act", [nn.Dropout(0.5), nn.RReLU(), nn.ReLU(inplace=True), nn.PReLU(), torch.tanh])
def test_an_activation_that_may_give_something_else_the_second_time_is_called_once(
    act: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    ours, theirs = both(4, 7)
    x, found = torch.randn(4, 7, requires_grad=True), []
    for y in (lambda x: ours(x.sin(), act), lambda x: theirs(act(x.sin()))):
        torch.manual_seed(0)
        (gradient,) = torch.autograd.grad(y(x).square().sum(), x)
        found.append(gradient)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("act", [nn.GELU(), nn.Dropout(0.5), nn.ReLU(inplace=True)])
def test_a_module_in_the_place_of_a_linear_or_a_hook_on_it_is_given_what_the_activation_puts_out(
    act: nn.Module,
) -> None:
    mlp, seen = Mlp(4, 7), []
    mlp.act = act
    mlp.fc2.register_forward_pre_hook(lambda module, given: seen.append(given))
    x = torch.randn(2, 3, 4, requires_grad=True)
    torch.manual_seed(0)
    watched = mlp(x)
    plain = nn.Linear(7, 4)
    plain.load_state_dict(mlp.fc2.state_dict())
    mlp.fc2 = plain
    torch.manual_seed(0)
    torch.testing.assert_close(mlp(x), watched)
    ((given,),) = seen
    torch.manual_seed(0)
    torch.testing.assert_close(given, act(mlp.fc1(x).clone()))


def test_what_is_frozen_costs_no_product(products: list[tuple[int, ...]]) -> None:
    ours, _ = both(4, 7)
    ours.requires_grad_(False)
    ours(torch.randn(4, 7, requires_grad=True)).sum().backward()
    assert len(products) == 2
    ours.requires_grad_(True)
    ours(torch.randn(4, 7)).sum().backward()
    assert len(products) == 4
    with torch.inference_mode():
        assert ours(torch.zeros(4, 7)).shape == (4, 5)
    assert len(products) == 5


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_and_autocast_are_left_to_torch(dtype: torch.dtype, products: list[tuple[int, ...]]) -> None:
    ours, theirs = both(4, 7)
    x = torch.randn(4, 7)
    torch.testing.assert_close(ours.to(dtype)(x.to(dtype)), theirs.to(dtype)(x.to(dtype)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours.float()(x).dtype == torch.bfloat16
    assert not products


def test_an_empty_batch_and_the_meta_device_are_left_to_torch(products: list[tuple[int, ...]]) -> None:
    assert linear(torch.zeros(0, 7), torch.zeros(5, 7)).shape == (0, 5)
    assert Linear(7, 5, device="meta")(torch.zeros(3, 7, device="meta")).shape == (3, 5)
    assert not products


@pytest.mark.filterwarnings("ignore:`torch.jit.trace")
def test_a_trace_and_an_exported_program_have_torchs_operator() -> None:
    ours, _ = both(4, 7)
    x = torch.randn(4, 7)
    assert "aten::linear" in str(torch.jit.trace(ours, x).inlined_graph)
    program = torch.export.export(ours, (x,))
    assert "aten.linear" in str(program.graph)
    torch.testing.assert_close(program.module()(x), ours(x))


def test_functional_gradients_for_each_picture_are_those_of_torch() -> None:
    weight, x = torch.randn(5, 7), torch.randn(3, 4, 7)
    found = []
    for multiply in (linear, F.linear):
        gradient = torch.func.grad(lambda weight, x, multiply=multiply: multiply(x, weight).square().sum())
        found.append(torch.func.vmap(gradient, (None, 0))(weight, x))
    torch.testing.assert_close(*found)


def test_small_products_are_left_to_torch(monkeypatch: pytest.MonkeyPatch, products: list[tuple[int, ...]]) -> None:
    monkeypatch.setattr(module, "LARGE", 4 * 7 * 5)
    linear(torch.zeros(3, 7), torch.zeros(5, 7))
    assert not products
    linear(torch.zeros(4, 7), torch.zeros(5, 7))
    assert products == [(4, 7)]


def test_an_intel_processor_keeps_mkl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    for vendor, faster in (("GenuineIntel", False), ("AuthenticAMD", torch.backends.mkl.is_available())):
        onednn_is_faster.cache_clear()
        monkeypatch.setattr(module.Path, "exists", lambda path: True)
        monkeypatch.setattr(module.Path, "read_text", lambda path, vendor=vendor: f"vendor_id\t: {vendor}\n")
        assert onednn_is_faster() is faster
    onednn_is_faster.cache_clear()
