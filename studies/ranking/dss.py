"""The indicator that was made for vision transformers: how diverse attention is, how salient the other weights are."""

from collections.abc import Iterator
from math import inf, log

import torch
from torch import nn

from blocks.attention import Attention
from blocks.ghost import GhostAttention
from blocks.token_mixers import TokenPerformer, TokenTransformer
from studies.ranking.synflow import flow

ATTENTION = (Attention, GhostAttention, TokenTransformer, TokenPerformer)
NOT_OF_IT = ("mlp", "gate")  # what lies in an attention module and is none


def dss(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """log of D + S: synaptic diversity D of attention, synaptic saliency S of the other linear maps.

    D sums |dR/dW|_* |W|_* (nuclear norms, which are large where the rank is) over the matrices W of queries, keys and
    values and of the projections; S sums |W dR/dW| over all other linear maps and convolutions: MLPs, gates, the
    embedding, the head. R is the sum of the outputs for a picture of ones, under absolute parameters. The attention
    of a T2T tokenizer counts as any other. The logarithm, which changes no rank, is ours. The model is changed.

    Source: Zhou et al., "Training-free transformer architecture search", arXiv 2203.12217, eqs. 3 to 5, and its code.
    """
    scale = flow(model, x)
    attention = {id(weight) for weight in _attention(model)}
    total = 0.0
    for module in model.modules():
        if not isinstance(module, (nn.Linear, nn.Conv2d)) or module.weight.grad is None:
            continue
        weight, gradient = module.weight.detach(), module.weight.grad
        if id(module.weight) in attention:
            total += float(torch.linalg.matrix_norm(gradient, "nuc") * torch.linalg.matrix_norm(weight, "nuc"))
        else:
            total += float((gradient * weight).abs().sum())
    return log(total) + scale if total > 0 else -inf


def _attention(model: nn.Module) -> Iterator[torch.Tensor]:
    for holder in model.modules():
        if isinstance(holder, ATTENTION):
            for name, module in holder.named_modules():
                if isinstance(module, nn.Linear) and name.split(".")[0] not in NOT_OF_IT:
                    yield module.weight
