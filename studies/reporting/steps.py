"""The Tokens-to-Token step of a spec, with the sizes of its soft splits."""

from reports.step_figures import Figure, Split, Step, draw_step
from searchspace.expand import SpecError
from searchspace.spec import ConvTokenizerSpec, ModelSpec, T2TTokenizerSpec, TransformerSpec
from studies.reporting.asked import Asked
from studies.reporting.one_arm import one_arm

MIXERS = {"performer": "Performer", "transformer": "Transformer", "none": "Linear map of each token"}


def step(asked: Asked) -> Figure:
    """The soft splits of one arm at full size: that which `only` names, else the first baseline or arm that has some.

    Raises:
        SpecError: if `only` names several arms, or there is none with a Tokens-to-Token module.
    """
    arm, model = one_arm(asked.study, asked.only, "step", has_soft_splits)
    return draw_step(step_of(model, arm.name, f"The Tokens-to-Token step, {asked.study.name} at full size"))


def has_soft_splits(model: ModelSpec) -> bool:
    """Whether a model has a Tokens-to-Token module."""
    return isinstance(model, TransformerSpec) and isinstance(model.tokenizer, T2TTokenizerSpec)


def step_of(model: ModelSpec, title: str, subtitle: str = "") -> Step:
    """The soft splits of a spec.

    Raises:
        SpecError: if it has none.
    """
    if not isinstance(model, TransformerSpec) or not isinstance(model.tokenizer, T2TTokenizerSpec):
        raise SpecError(f"{title} has no Tokens-to-Token module")
    return Step(title, subtitle, splits_of(model, model.tokenizer))


def splits_of(model: TransformerSpec, tokenizer: T2TTokenizerSpec | ConvTokenizerSpec) -> tuple[Split, ...]:
    """The splits of a tokenizer over a model's pictures, the first to the last.

    Those of a convolutional one too: then `mapped_to` is what a convolution puts out, and `width` is what it takes in.
    """
    mixer = MIXERS[tokenizer.mixer] if isinstance(tokenizer, T2TTokenizerSpec) else "Convolution"
    (rows, columns), channels, made = model.img_size, model.in_chans, list[Split]()
    for i, (kernel, stride, padding) in enumerate(tokenizer.splits):
        grid = tokenizer.model_copy(update={"splits": tokenizer.splits[: i + 1]}).grid_size(*model.img_size)
        last = i == len(tokenizer.splits) - 1
        by, to = ("Linear map", model.backbone.embed_dim) if last else (mixer, tokenizer.token_dim)
        made.append(Split(rows, columns, channels, kernel, stride, padding, grid, by, to))
        (rows, columns), channels = grid, to
    return tuple(made)
