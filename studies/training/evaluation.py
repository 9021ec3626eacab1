"""The one evaluation loop: top-1, top-5 and loss of a model over batches."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import nn

from blocks.vit import VisionTransformer
from studies.training.errors import TrainingError
from studies.training.ranks import ALONE, Ranks
from studies.trials.shortage import is_memory_short

Batch = tuple[torch.Tensor, torch.Tensor]


def skip_unread(model: nn.Module) -> None:
    """Let a transformer compute of its last layer only the tokens that its head reads; other models stay as they are.

    At `digits` it saves a quarter of the training of small models, at the paper's size 6 %.
    """
    if isinstance(model, VisionTransformer):
        model.set_head_tokens_only()


class Logits:
    """The logits of batches in evaluations, of fewer pictures at a time from where memory is short.

    Each process does so by itself: there is nothing that the others wait for within a batch.

    Args:
        say: is told what happened, for people.

    Attributes:
        most: pictures of one forward pass; none: all of a batch.
    """

    def __init__(self, say: Callable[[str], None] = lambda text: None) -> None:
        self.say = say
        self.most: int | None = None

    def __call__(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) float32 of pictures (B, C, H, W): equal to rounding, however many are taken at a time.

        Raises:
            TrainingError: if memory is too short for one picture.
        """
        while True:
            try:
                if self.most is None:
                    return model(x).float()
                return torch.cat([model(part).float() for part in x.split(self.most)])
            except Exception as error:
                if not is_memory_short(error):
                    raise
            self._halve(len(x))  # here the error is gone, and with it the activations that it held

    def _halve(self, pictures: int) -> None:
        torch.cuda.empty_cache()
        at_a_time = min(self.most or pictures, pictures)
        if at_a_time < 2:
            raise TrainingError("out of memory in an evaluation of one picture: this model needs a larger device")
        self.most = at_a_time // 2
        self.say(f"out of memory in an evaluation: {self.most} pictures at a time from there, the figures stay")


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    tick: Callable[[], None] = lambda: None,
    ranks: Ranks = ALONE,
    logits_of: Logits | None = None,
) -> dict[str, float]:
    """Top-1 and top-5 accuracy in %, the mean cross entropy, and how many pictures they are over.

    In float32, whatever the training was in.

    Args:
        model: is put into evaluation mode.
        batches: pictures (B, C, H, W) and labels (B,) int64 on the model's device.
        tick: called after each batch.
        ranks: the processes that evaluate together, each over batches of its own; all get the same figures.
        logits_of: remembers from one evaluation to the next how many pictures memory is enough for.
    """
    model.eval()
    skip_unread(model)
    logits_of = logits_of or Logits()
    n, top1, top5, loss = 0, 0.0, 0.0, 0.0
    for x, y in batches:
        logits = logits_of(model, x)
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
