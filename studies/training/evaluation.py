"""The one evaluation loop: top-1, top-5 and loss of a model over batches."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import nn

from studies.training.ranks import ALONE, Ranks

Batch = tuple[torch.Tensor, torch.Tensor]


@torch.inference_mode()
def evaluate(
    model: nn.Module, batches: Iterable[Batch], tick: Callable[[], None] = lambda: None, ranks: Ranks = ALONE
) -> dict[str, float]:
    """Top-1 and top-5 accuracy in %, the mean cross entropy, and how many pictures they are over.

    In float32, whatever the training was in.

    Args:
        model: is put into evaluation mode.
        batches: pictures (B, C, H, W) and labels (B,) int64 on the model's device.
        tick: called after each batch.
        ranks: the processes that evaluate together, each over batches of its own; all get the same figures.
    """
    model.eval()
    n, top1, top5, loss = 0, 0.0, 0.0, 0.0
    for x, y in batches:
        logits = model(x).float()
        best = logits.topk(min(5, logits.shape[1])).indices == y[:, None]
        top1 += best[:, 0].sum().item()
        top5 += best.sum().item()
        loss += F.cross_entropy(logits, y, reduction="sum").item()
        n += len(y)
        tick()
    if ranks.size > 1:
        device = next(model.parameters()).device
        top1, top5, loss, pictures = ranks.summed(torch.tensor([top1, top5, loss, n], device=device).double()).tolist()
        n = int(pictures)
    return {"top1": 100 * top1 / n, "top5": 100 * top5 / n, "loss": loss / n, "test_pictures": n}
