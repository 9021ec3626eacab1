"""The parts that a model is the sum of: each is counted once, however many models have it. No torch here.

A transformer of 14 equal layers has one attention, one MLP and one norm to count; ten thousand candidates of a search
share some hundred. What stands between the parts (residual sums, concatenation, the split into heads) costs nothing by
the convention of `searchspace.cost.traced`; tests hold the sum to the trace of the whole model, to the unit.
"""

from collections import Counter
from collections.abc import Hashable
from itertools import chain
from typing import NamedTuple

from searchspace.spec import CnnSpec, ModelSpec, T2TTokenizerSpec, TransformerSpec


class Part(NamedTuple):
    """A module and the shape of what goes into it: all that its cost depends on.

    Attributes:
        kind: key of `searchspace.build.PARTS`.
        arguments: that the module is made with.
        shape: of the one input, with a batch of 1.
    """

    kind: str
    arguments: tuple[Hashable, ...]
    shape: tuple[int, ...]


# The tokenizer has the class token and the position table too; growth: the linears of dense blocks.
ROLES = ("tokenizer", "attention", "mlp", "norm", "growth", "transition", "head", "cnn")
OF_TOKENIZER = ("tokenizer", "mixing", "projection", "positions")


def parts(spec: ModelSpec) -> Counter[Part]:
    """Each distinct part of a model, and how often it has it. A CNN of a library is a part by itself."""
    if isinstance(spec, CnnSpec):
        return Counter({Part("cnn", (spec.model_dump_json(),), (1, spec.in_chans, *spec.img_size)): 1})
    found: Counter[Part] = Counter()
    backbone, growth_rate = spec.backbone, spec.backbone.dense.growth_rate if spec.backbone.dense else 0
    found.update(_tokenizer(spec))
    rows, columns = spec.tokenizer.grid_size(*spec.img_size)
    tokens = rows * columns + (2 if spec.distilled else 1)
    blocks = backbone.widths()
    for (width, layer), times in Counter(zip(chain.from_iterable(blocks), backbone.layers(), strict=True)).items():
        shape = (1, tokens, width)
        found[Part("attention", (width, *layer.attention_arguments()), shape)] += times
        found[Part("mlp", (width, *layer.mlp_arguments()), shape)] += times
        found[Part("norm", (width,), shape)] += 2 * times
        if growth_rate:
            found[Part("linear", (width, growth_rate), shape)] += times
    for block in blocks[:-1]:
        grown = block[-1] + growth_rate
        found[Part("transition", (grown, backbone.transition(grown)), (1, tokens, grown))] += 1
    features = blocks[-1][-1] + growth_rate
    found[Part("norm", (features,), (1, tokens, features))] += 1
    if spec.num_classes:
        found[Part("linear", (features, spec.num_classes), (1, features))] += 1 + spec.distilled
    return found


def role(part: Part) -> str:
    """What a part is in its model, one of `ROLES`."""
    if part.kind == "linear":
        return "growth" if len(part.shape) == 3 else "head"  # of each token, or of a picture
    return "tokenizer" if part.kind in OF_TOKENIZER else part.kind


def _tokenizer(spec: TransformerSpec) -> list[Part]:
    """Tokenizer, and class token with positions.

    A Tokens-to-Token module is the same for models of every width but for its last map, a part by itself.
    """
    tokenizer, width, picture = spec.tokenizer, spec.backbone.embed_dim, (1, spec.in_chans, *spec.img_size)
    rows, columns = tokenizer.grid_size(*spec.img_size)
    arguments = (width, (rows, columns), spec.backbone.position, spec.distilled)
    positions = Part("positions", arguments, (1, width, rows, columns))
    if not isinstance(tokenizer, T2TTokenizerSpec):
        return [Part("tokenizer", (tokenizer, width, spec.in_chans), picture), positions]
    chans = tokenizer.token_dim if len(tokenizer.splits) > 1 else spec.in_chans
    unfolded = chans * tokenizer.splits[-1][0] ** 2
    mixing = Part("mixing", (tokenizer, spec.in_chans), picture)
    return [mixing, Part("projection", (unfolded, width), (1, rows * columns, unfolded)), positions]
