"""Large pictures pass the Tokens-to-Token module one by one on a CPU, where no gradients are wanted."""

import pytest
import torch

from blocks.soft_split import Split
from blocks.t2t import T2TTokenizer
from blocks.token_mixers import TokenLinear, TokenPerformer, TokenTransformer

SPLITS = Split(7, 4, 2), Split(3, 2, 1), Split(3, 2, 1)
MIXERS = [TokenPerformer, TokenTransformer, TokenLinear]


def made(mixer: type, seen: list[int]) -> T2TTokenizer:
    """A tokenizer that writes down how many pictures its first soft split is given at once."""

    class Watched(T2TTokenizer):
        def _tokens(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            return super()._tokens(x)

    torch.manual_seed(0)
    return Watched(SPLITS, mixer, token_dim=8, embed_dim=16).eval()


@pytest.mark.parametrize("mixer", MIXERS)
def test_they_become_the_tokens_that_they_become_together(mixer: type) -> None:
    seen: list[int] = []
    tokenizer, pictures = made(mixer, seen), torch.randn(3, 3, 112, 112)
    together = tokenizer(pictures)
    with torch.inference_mode():
        alone = tokenizer(pictures)
    assert seen == [3, 1, 1, 1]
    torch.testing.assert_close(alone, together.detach(), rtol=1e-5, atol=1e-6)


def test_small_ones_go_together() -> None:
    seen: list[int] = []
    with torch.inference_mode():
        made(TokenPerformer, seen)(torch.randn(3, 3, 32, 32))
    assert seen == [3]


def test_who_watches_a_module_inside_sees_the_batch() -> None:
    seen: list[int] = []
    tokenizer = made(TokenPerformer, seen)
    shapes = []
    tokenizer.mixers[0].register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
    with torch.no_grad():
        tokenizer(torch.randn(3, 3, 112, 112))
    assert seen == [3]
    assert shapes == [(3, 28 * 28, 8)]
