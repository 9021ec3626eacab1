"""What training keeps for the backward pass, beside counts by hand and a measurement of our own."""

import pytest
import torch
from torch import nn

from blocks.linear import as_on_gpu
from searchspace.build import build
from searchspace.cost.memory import _saved, activation_bytes
from searchspace.expand import override
from searchspace.presets import preset
from searchspace.spec import ModelSpec, model_spec

F32 = 4  # bytes
BATCH = 3


def tiny(**backbone: object) -> ModelSpec:
    """4 patches and a class token, 8 wide."""
    return model_spec(
        {
            "tokenizer": {"kind": "patch", "patch_size": 4},
            "backbone": {"embed_dim": 8, "depth": 1, "num_heads": 2, "mlp_ratio": 1} | backbone,
            "img_size": 8,
            "num_classes": 10,
        }
    )


def measured(model: nn.Module, inputs: torch.Tensor) -> int:
    """Bytes that autograd saves: each memory once, none of the model's own."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    saved: list[torch.Tensor] = []  # held, so that no address is used twice
    hooks = torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: saved.append(tensor) or tensor, lambda tensor: tensor
    )
    with as_on_gpu(), hooks:
        output = model(inputs)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in saved}
    del output
    return sum(storage.nbytes() for pointer, storage in storages.items() if pointer not in own)


class Twice(nn.Module):
    """The input's product with each of two weights, which both keep the one input."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(4, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x) + self.b(x)


# By hand, in values a picture of 4: a linear keeps its input, ReLU its output (which the next linear keeps too), GELU
# its input, dropout a mask and, like addition, no input; a layer norm its input, mean and deviation.
@pytest.mark.parametrize(
    ("model", "values"),
    [
        (nn.Linear(4, 8), 4),
        (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), 4 + 8),
        (nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2)), 4 + 8 + 8),
        (nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 2)), 4 + (8 + 2) + 8),
        (nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8, bias=False), nn.Linear(8, 2)), 4 + 8 + 8),
        (nn.Sequential(nn.Linear(4, 8), nn.Identity(), nn.Unflatten(1, (2, 4)), nn.Linear(4, 4)), 4 + 8),
        (Twice(), 4),
    ],
    ids=["linear", "relu", "gelu", "layer norm", "linears", "view", "twice"],
)
def test_what_is_kept_is_what_one_counts_by_hand(model: nn.Module, values: int) -> None:
    inputs = torch.rand(BATCH, 4)
    assert _saved(model, inputs) == BATCH * F32 * values == measured(model, inputs)


def test_without_gradients_nothing_is_kept() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    assert _saved(model.requires_grad_(False), torch.rand(BATCH, 4)) == 0


@pytest.mark.parametrize("name", ["t2t_vit_14", "vit_se", "vit_ghost", "resnet50"])
def test_a_model_keeps_what_a_measurement_of_our_own_finds(name: str) -> None:
    spec = override(preset(name), {"img_size": 64})
    if name != "resnet50":
        spec = override(spec, {"backbone.depth": 2})
    found = measured(build(spec).train(), torch.zeros(2, 3, 64, 64))
    assert activation_bytes(spec) == found // 2


def test_a_wider_mlp_keeps_its_hidden_values_twice_a_layer() -> None:
    tokens, width, depth = 5, 8, 3
    narrow, wide = (activation_bytes(tiny(depth=depth, mlp_ratio=ratio)) for ratio in (1, 4))
    assert wide - narrow == depth * 2 * tokens * 3 * width * F32  # before GELU, and after


def test_a_wide_mlp_keeps_its_hidden_values_once_a_layer() -> None:
    tokens, width, depth = 5, 256, 2
    narrow, wide = (activation_bytes(tiny(depth=depth, embed_dim=width, mlp_ratio=ratio)) for ratio in (1, 4))
    assert wide - narrow == depth * tokens * 3 * width * F32  # before GELU, which is applied again


def test_every_layer_keeps_the_same() -> None:
    found = [activation_bytes(tiny(depth=depth)) for depth in (1, 2, 3, 6)]
    layer = found[1] - found[0]
    assert layer > 0
    assert found == [found[0] + k * layer for k in (0, 1, 2, 5)]


def test_what_is_counted_is_that_of_a_gpu_which_keeps_the_values_that_a_layer_norm_makes() -> None:
    spec = tiny(depth=1, embed_dim=256)
    model, inputs = build(spec).train(), torch.zeros(2, 3, 8, 8)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        kept: list[torch.Tensor] = []
        output = model(inputs)
    del output
    tokens, own = 5, {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept}
    on_cpu = sum(size for pointer, size in storages.items() if pointer not in own) // 2
    assert (
        activation_bytes(spec) - on_cpu == 2 * tokens * (256 + 2) * F32
    )  # of two layer norms: values, mean and deviation


@pytest.mark.parametrize("name", ["vit_se", "t2t_vit_14", "t2t_vit_t_14", "t2t_vit_16_ghost"])
def test_a_transformer_keeps_in_proportion_to_the_batch(name: str) -> None:
    spec = override(preset(name), {"img_size": 32, "backbone.depth": 2})
    model = build(spec).train()
    with as_on_gpu():
        found = {batch: _saved(model, torch.zeros(batch, 3, 32, 32)) for batch in (1, 2, 5)}
    assert found == {batch: batch * activation_bytes(spec) for batch in found}


def test_measuring_leaves_the_random_state_as_it_was() -> None:
    before = torch.get_rng_state()
    activation_bytes(tiny())
    assert torch.equal(torch.get_rng_state(), before)
