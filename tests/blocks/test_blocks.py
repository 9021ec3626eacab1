"""What is particular to each block; the contract that all share is in tests/test_contract.py."""

import pytest
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Attention as TimmAttention

from blocks.attention import Attention
from blocks.dense import DenseLayer, Transition
from blocks.ghost import GhostAttention, GhostLinear, GhostMlp
from blocks.ghost_conv import GhostConv2d, with_ghost_convs
from blocks.initialise import initialise
from blocks.soft_split import SoftSplit, Split
from blocks.squeeze_excite import SqueezeExcite
from blocks.token_mixers import TokenPerformer, TokenTransformer


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(0))


def test_attention_is_timms(x: torch.Tensor) -> None:
    ours, theirs = Attention(32, 4, qkv_bias=True), TimmAttention(32, 4, qkv_bias=True)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x), theirs(x))


def test_ghost_features_are_the_primary_ones_scaled(x: torch.Tensor) -> None:
    ghost = GhostLinear(32, 16)
    y = ghost(x)
    torch.testing.assert_close(y[..., 8:], y[..., :8] * ghost.cheap.weight)


def test_ghost_mlp_has_the_parameters_of_the_equation() -> None:
    mlp = GhostMlp(32, 3)
    assert sum(p.numel() for p in mlp.parameters()) == (32 * 32 + 32) + 2 * 32 + (96 * 32 + 32)


def test_squeeze_excite_gates_channels_by_the_mean_over_tokens(x: torch.Tensor) -> None:
    gate = SqueezeExcite(32, 4)
    pooled = x.mean(1)
    expected = torch.sigmoid(torch.relu(pooled @ gate.fc1.weight.T) @ gate.fc2.weight.T)
    torch.testing.assert_close(gate(x), x * expected[:, None])
    shuffled = x[:, torch.randperm(9)]
    torch.testing.assert_close(gate(shuffled).mean(1), gate(x).mean(1))


def test_a_dense_layer_keeps_its_input_in_front(x: torch.Tensor) -> None:
    layer = DenseLayer(torch.nn.Identity(), 32, 8)
    y = layer(x)
    assert y.shape == (2, 9, 40)
    assert torch.equal(y[..., :32], x)
    assert Transition(40, 20)(y).shape == (2, 9, 20)


def test_a_soft_split_overlaps_as_the_paper_says() -> None:
    picture = torch.arange(49.0).reshape(1, 1, 7, 7)
    tokens = SoftSplit(Split(3, 2, 1))(picture)
    assert tokens.shape == (1, 16, 9)
    assert Split(3, 2, 1).grid_size(7, 7) == (4, 4)
    centre = tokens[0, 5].reshape(3, 3)  # row 1, column 1: rows and columns 1 to 3 of the picture
    assert torch.equal(centre, picture[0, 0, 1:4, 1:4])


@pytest.mark.parametrize("split", [Split(3, 2, 1), Split(3, 1, 1), Split(7, 4, 2), Split(2, 3, 0)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_soft_split_is_torchs_unfold_and_so_is_its_gradient(split: Split, dtype: torch.dtype) -> None:
    x, found = torch.randn(2, 3, 11, 8, dtype=dtype), []
    with torch.inference_mode():
        SoftSplit(split)(x)  # what it remembers of this serves a backward pass
    for unfold in (SoftSplit(split), lambda x: F.unfold(x, *split[:1], padding=split[2], stride=split[1]).mT):
        given = x.clone().requires_grad_()
        tokens = unfold(given)
        (tokens.square() * torch.arange(tokens.shape[1])[:, None]).sum().backward()
        found.append([tokens, given.grad])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("size", [(224, 224, 56), (225, 225, 56), (31, 63, 8)])
def test_the_number_of_tokens_is_that_of_equation_3(size: tuple[int, int, int]) -> None:
    height, width, rows = size
    split = Split(7, 4, 2)
    assert split.grid_size(height, width)[0] == rows
    assert SoftSplit(split)(torch.zeros(1, 3, height, width)).shape[1] == rows * split.grid_size(height, width)[1]


def performer_reference(mixer: TokenPerformer, x: torch.Tensor) -> torch.Tensor:
    """Attention by the sum over pairs of tokens, in float64."""
    k, q, v = mixer.kqv(mixer.norm1(x)).double().chunk(3, -1)

    def phi(a: torch.Tensor) -> torch.Tensor:
        return torch.exp(a @ mixer.w.double().T - a.square().sum(-1, keepdim=True) / 2) / mixer.w.shape[0] ** 0.5

    weights = torch.einsum("bim,bjm->bij", phi(q), phi(k))
    y = (weights @ v / (weights.sum(-1, keepdim=True) + 1e-8)).float()
    out = v.float() + mixer.proj(y)
    return out + mixer.mlp(mixer.norm2(out))


def test_the_performer_is_its_sum_over_pairs(x: torch.Tensor) -> None:
    mixer = TokenPerformer(32, 16).eval()
    torch.testing.assert_close(mixer(x), performer_reference(mixer, x), atol=1e-5, rtol=1e-4)


def test_a_performer_in_double_precision_computes_in_it() -> None:
    mixer = TokenPerformer(6, 4, drop=0.0).double()
    assert torch.autograd.gradcheck(mixer, torch.randn(1, 3, 6, dtype=torch.float64, requires_grad=True))


def test_the_performers_features_are_fixed_orthogonal_and_scaled() -> None:
    mixer = TokenPerformer(32, 16)
    assert not mixer.w.requires_grad
    torch.testing.assert_close(mixer.w @ mixer.w.T, 8 * torch.eye(8), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("factor", [1.0, 1e2, 1e4])
def test_the_performer_stays_finite_in_half_precision_with_large_activations(dtype: torch.dtype, factor: float) -> None:
    torch.manual_seed(0)
    mixer = TokenPerformer(147, 64)
    with torch.no_grad():
        mixer.norm1.weight.mul_(factor)  # the activations into k, q and v
    x = (torch.randn(2, 196, 147) * factor).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        y = mixer(x)
    assert y.isfinite().all()
    y.float().square().mean().backward()
    assert mixer.kqv.weight.grad is not None
    assert mixer.kqv.weight.grad.isfinite().all()


def test_the_token_transformers_scale_is_that_of_the_input_width(x: torch.Tensor) -> None:
    mixer = TokenTransformer(32, 16)
    q, k, v = mixer.qkv(mixer.norm1(x)).chunk(3, -1)
    y = v + mixer.proj((q @ k.transpose(1, 2) * 32**-0.5).softmax(-1) @ v)
    torch.testing.assert_close(mixer(x), y + mixer.mlp(mixer.norm2(y)))


def test_ghost_convolutions_replace_the_3_x_3_ones_alone() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 1), torch.nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False)
    )
    with_ghost_convs(net)
    assert [type(m) for m in net] == [torch.nn.Conv2d, torch.nn.Conv2d, GhostConv2d]
    assert net(torch.zeros(2, 3, 10, 10)).shape == (2, 8, 4, 4)
    assert not [name for name, _ in net[2].named_parameters() if name.endswith("cheap.bias")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Attention(30, 4), "num_heads must divide dim, got num_heads=4 and dim=30"),
        (lambda: GhostAttention(30, 4), "num_heads must divide dim"),
        (lambda: GhostLinear(8, 7), "must be even, got 7"),
        (lambda: GhostMlp(8, 2.5), "whole number of at least 2, got 2.5"),
        (lambda: SqueezeExcite(8, 16), "at least reduction, got dim=8"),
        (lambda: GhostConv2d(torch.nn.Conv2d(4, 5, 3)), "even number of outputs"),
        (lambda: initialise(torch.nn.Linear(2, 2), "zero"), "must be one of"),
    ],
)
def test_arguments_that_do_not_work_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_initial_weights_follow_the_scheme() -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(400, 400)
    initialise(linear, "trunc_normal")
    assert linear.weight.std().item() == pytest.approx(0.02, rel=0.03)
    initialise(linear, "lecun_normal")
    assert linear.weight.std().item() == pytest.approx(0.05, rel=0.03)
    assert (linear.bias == 0).all()
