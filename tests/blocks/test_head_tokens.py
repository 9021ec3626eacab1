"""Of the last layer only what the head reads; and attention over few tokens."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from blocks.attention import FEW_TOKENS, attend
from blocks.vit import VisionTransformer
from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.scale_file import load_scale

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "bias": {"backbone.qkv_bias": True},
    "distilled": {"distilled": True},
    "gate": {"backbone.channel_attention": "squeeze_excite"},
    "ghost": {"backbone.attention": "ghost", "backbone.mlp": "ghost"},
    "ghost with a gate": {"backbone.attention": "ghost", "backbone.channel_attention": "squeeze_excite"},
    "dense": {
        "backbone.embed_dim": 128,
        "backbone.num_heads": 8,
        "backbone.dense": {"growth_rate": 64, "layers": [6, 8]},
    },
    "one layer": {"backbone.depth": 4},
}


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_gradients_stay_when_the_last_layer_computes_the_heads_tokens_alone(
    kind: str, checkpointed: bool
) -> None:
    torch.manual_seed(0)
    model = build(shrink(override(preset("t2t_vit_14"), KINDS[kind]), load_scale("digits").shrink, 16, 3, 10)).double()
    assert isinstance(model, VisionTransformer)
    model.set_grad_checkpointing(checkpointed)
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found = []
    for only in (False, True):
        model.set_head_tokens_only(only)
        torch.manual_seed(1)
        model.zero_grad()
        logits = model.train()(x)
        logits.square().sum().backward()
        found.append([logits.detach(), *(p.grad for p in model.parameters() if p.requires_grad)])
    torch.testing.assert_close(found[1], found[0])
    tokens = []
    model.blocks[-1].register_forward_hook(lambda layer, inputs, output: tokens.append(output.shape[1]))
    model(x)
    assert tokens == [model.num_prefix_tokens], "or nothing is saved"


@pytest.mark.parametrize(("queries", "tokens"), [(5, 5), (1, 7), (3, FEW_TOKENS), (2, FEW_TOKENS + 1)])
def test_attention_over_few_tokens_is_that_of_the_fused_kernel(queries: int, tokens: int) -> None:
    torch.manual_seed(0)
    q = torch.randn(2, 3, queries, 4, dtype=torch.float64, requires_grad=True)
    k, v = (torch.randn(2, 3, tokens, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    torch.testing.assert_close(attend(q, k, v), F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
    if tokens < FEW_TOKENS:
        assert gradcheck(attend, (q, k, v))
