"""What a trial takes from another one, and that none of it is lost when it is interrupted."""

import io
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import log
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.positions import resize_positions
from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.language.scale_file import load_scale
from studies.training.devices import use_one_thread
from studies.training.parents import (
    Parent,
    ParentError,
    Parents,
    distillation_loss,
    has_distillation_token,
    packed,
    restored,
    start_from,
)
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import Distillation, Teacher, TrialSpec

PARENT = "0" * 16
TIMES = {"seconds", "train_seconds", "images_per_second"}
DIGITS = load_scale("digits")


@pytest.fixture
def scale(tiny: Path) -> Scale:
    use_one_thread()
    return load_scale(str(tiny))


def small(name: str, **changes: object) -> ModelSpec:
    """A preset at scale digits, then changed (`__` for the dots)."""
    model = shrink(preset(name), DIGITS.shrink, 16, 3, 10)
    return override(model, {key.replace("__", "."): value for key, value in changes.items()})


STUDENT = small("t2t_vit_14", backbone__depth=1, backbone__embed_dim=24)
TOKEN = override(STUDENT, {"distilled": True})


@cache
def weighted(spec: str = "", seed: int = 7) -> Parent:
    """A model with weights of its own: a ViT, or a preset at scale digits."""
    torch.manual_seed(seed)
    model = small(spec or "vit_dn")
    return model, packed(build(model))


def trial(scale: Scale, model: ModelSpec = STUDENT, **changes: object) -> TrialSpec:
    recipe = {key: changes.pop(key) for key in list(changes) if key in type(scale.recipe).model_fields}
    asked = TrialSpec(model=model, data=scale.data, recipe=scale.recipe.model_copy(update=recipe), seed=1)
    return asked.model_copy(update=changes)


def finish(trainer: Trainer) -> list[dict]:
    """The history, to its end, without what the clock says."""
    while not trainer.done:
        trainer.train_epoch()
    return [{key: value for key, value in record.items() if key not in TIMES} for record in trainer.history]


# ---- weights


@pytest.mark.parametrize("name", ["t2t_vit_14", "vit_dense", "t2t_vit_16_ghost", "vit_se", "resnet50"])
def test_packed_weights_restored_give_equal_logits(name: str) -> None:
    spec = small(name)
    model = build(spec)
    model(torch.rand(4, 3, 16, 16))  # moves what batch norm remembers
    again = restored((spec, packed(model)))
    x = torch.rand(3, 3, 16, 16)
    assert torch.equal(again(x), model.eval()(x))
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_model_that_starts_from_its_like_is_its_like() -> None:
    spec, weights = weighted("t2t_vit_14")
    model = build(spec)
    assert start_from(model, (spec, weights)) == 1.0
    assert packed(model) == weights
    assert any(parameter.requires_grad for parameter in model.parameters()), "it is there to be trained"


def test_a_deeper_model_takes_the_layers_that_are_there_and_keeps_its_own_others() -> None:
    spec, weights = weighted()
    deeper = build(override(spec, {"backbone.depth": spec.backbone.depth + 2}))
    before = {name: value.clone() for name, value in deeper.state_dict().items()}
    parent = restored((spec, weights)).state_dict()
    share = start_from(deeper, (spec, weights))
    whole = sum(value.numel() for value in deeper.state_dict().values())
    assert share == pytest.approx(sum(value.numel() for value in parent.values()) / whole)
    for name, value in deeper.state_dict().items():
        assert torch.equal(value, parent[name] if name in parent else before[name]), name
    assert 0 < share < 1


def test_a_shallower_model_takes_all_that_it_has_room_for() -> None:
    spec, weights = weighted()
    shallow = build(override(spec, {"backbone.depth": 1}))
    assert start_from(shallow, (spec, weights)) == 1.0


def test_a_position_table_of_smaller_pictures_is_resized() -> None:
    spec, weights = weighted()
    larger = build(override(spec, {"img_size": 32}))
    assert start_from(larger, (spec, weights)) == 1.0
    table = restored((spec, weights)).pos_embed
    assert torch.equal(larger.pos_embed, resize_positions(table, (4, 4), (8, 8), 1))


def test_a_model_of_another_family_has_nothing_to_start_from() -> None:
    cnn = build(small("resnet50"))
    before = packed(cnn)
    with pytest.raises(ValueError, match=r"for 0\.0 % of this one's parameters, and 10 % are needed"):
        start_from(cnn, weighted())
    assert packed(cnn) == before


def test_a_trial_starts_with_the_weights_of_its_parent(scale: Scale) -> None:
    parent = weighted("t2t_vit_14")
    trainer = Trainer(trial(scale, parent[0], pretrained=PARENT), parents=Parents({PARENT: parent}.get))
    assert trainer.pretrained_share == 1.0
    assert trainer.weights() == parent[1]
    fresh = Trainer(trial(scale, parent[0]))
    assert fresh.pretrained_share is None
    assert fresh.weights() != parent[1]


@pytest.mark.parametrize("needs", [{"pretrained": PARENT}, {"teacher": Teacher(trial=PARENT)}])
def test_a_trial_whose_parent_is_not_there_says_so(scale: Scale, needs: dict) -> None:
    with pytest.raises(ParentError, match=f"trial {PARENT}, which this one starts from, is not trained"):
        Trainer(trial(scale, **needs))


def test_a_trial_that_cannot_use_its_parent_says_so(scale: Scale) -> None:
    asked = trial(scale, small("resnet50"), pretrained=PARENT)
    with pytest.raises(ValueError, match=r"for 0\.0 % of this one's parameters, and 10 % are needed"):
        Trainer(asked, parents=Parents(lambda _: weighted()))


# ---- what a teacher says, by hand

THREE = torch.tensor([[log(3), 0.0]])  # probabilities 3/4 and 1/4
EVEN = torch.tensor([[0.0, 0.0]])
HARD = Distillation(kind="hard")


def soft(tau: float = 1.0) -> Distillation:
    return Distillation(kind="soft", tau=tau)


@pytest.mark.parametrize(
    ("student", "teacher", "rule", "value"),
    [
        (EVEN, torch.tensor([[0.0, 9.0]]), HARD, log(2)),
        (THREE, torch.tensor([[0.1, 0.0]]), HARD, log(4 / 3)),
        (THREE, torch.tensor([[0.0, 0.1]]), HARD, log(4)),
        (torch.cat([THREE, EVEN]), torch.eye(2), HARD, (log(4 / 3) + log(2)) / 2),  # the mean over the batch
        (THREE, torch.tensor([[0.0, 0.1]]), Distillation(kind="hard", tau=5), log(4)),  # tau is of soft labels
        (EVEN, THREE, soft(), 0.75 * log(0.75 / 0.5) + 0.25 * log(0.25 / 0.5)),
        (THREE, EVEN, soft(), 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25)),  # and not the other way round
        (EVEN, 2 * THREE, soft(2), 4 * (0.75 * log(1.5) + 0.25 * log(0.5))),
        (torch.cat([EVEN, THREE]), torch.cat([THREE, THREE]), soft(), (0.75 * log(1.5) + 0.25 * log(0.5)) / 2),
    ],
)
def test_a_distillation_loss_is_what_it_is_by_hand(
    student: torch.Tensor, teacher: torch.Tensor, rule: Distillation, value: float
) -> None:
    assert distillation_loss(student, teacher, rule).item() == pytest.approx(value, abs=1e-6)


def logits(seed: int, batch: int = 3) -> torch.Tensor:
    return 4 * torch.randn(batch, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.floats(0.2, 20), st.floats(-5, 5))
def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(seed: int, tau: float, more: float) -> None:
    student = logits(seed).requires_grad_()
    loss = distillation_loss(student, student.detach() + more, soft(tau))  # a softmax is the same for both
    loss.backward()
    assert student.grad is not None
    assert loss.item() == pytest.approx(0, abs=1e-10)
    assert student.grad.abs().max().item() == pytest.approx(0, abs=1e-10)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.floats(0.2, 20))
def test_soft_labels_pull_each_probability_to_the_teachers(seed: int, tau: float) -> None:
    student, teacher = logits(seed).requires_grad_(), logits(seed + 1)
    loss = distillation_loss(student, teacher, soft(tau))
    loss.backward()
    assert loss.item() > 0
    pull = tau * ((student / tau).softmax(1) - (teacher / tau).softmax(1)) / len(student)
    assert torch.allclose(student.grad, pull.detach(), atol=1e-9)


# ---- training with a teacher


def taught(scale: Scale, model: ModelSpec, rule: Distillation, **recipe: object) -> Trainer:
    """A trial with a teacher that has a mind of its own."""
    asked = trial(scale, model, teacher=Teacher(trial=PARENT, **rule.model_dump()), **recipe)
    return Trainer(asked, parents=Parents({PARENT: weighted()}.get))


MODELS = pytest.mark.parametrize("model", [STUDENT, TOKEN, small("resnet50")], ids=["one head", "token", "cnn"])
RULES = pytest.mark.parametrize("kind", ["hard", "soft"])


@MODELS
@RULES
def test_a_student_learns_and_its_teacher_stays(scale: Scale, model: ModelSpec, kind: str) -> None:
    trainer = taught(scale, model, Distillation(kind=kind, tau=2), epochs=2)
    assert trainer.teacher is not None
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    history = finish(trainer)
    assert history[1]["train_loss"] < history[0]["train_loss"]
    assert packed(trainer.teacher) == weighted()[1]
    assert not trainer.teacher.training
    moved = {name: not torch.equal(value, before[name]) for name, value in trainer.model.named_parameters()}
    assert moved == {name: value.requires_grad for name, value in trainer.model.named_parameters()}


def permuted(trainer: Trainer, seed: int) -> None:
    """Give the training pictures each other's labels."""
    train = trainer.source.train
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    trainer.source.train = replace(train, y=train.y[order])


@MODELS
@RULES
def test_at_alpha_1_the_labels_do_not_matter(scale: Scale, model: ModelSpec, kind: str) -> None:
    def losses(alpha: float, seed: int) -> list[float]:
        trainer = taught(scale, model, Distillation(kind=kind, alpha=alpha), epochs=1)
        if seed:
            permuted(trainer, seed)
        return [record["train_loss"] for record in finish(trainer)]

    assert losses(1.0, 0) == losses(1.0, 1) == losses(1.0, 2)
    assert losses(0.9, 0) != losses(0.9, 1)


@settings(max_examples=25, deadline=None)
@given(labels=st.lists(st.integers(0, 9), min_size=8, max_size=8), kind=st.sampled_from(["hard", "soft"]))
@pytest.mark.parametrize("model", [STUDENT, TOKEN], ids=["one head", "token"])
def test_at_alpha_1_no_labels_whatever_change_the_loss(model: ModelSpec, labels: list[int], kind: str) -> None:
    trainer = _trainer(model, kind)
    x = trainer.source.train.x[:8]
    trainer.model.train()
    answers = trainer.model(x)
    loss = trainer._loss(answers, torch.tensor(labels), x)
    second = answers[1] if has_distillation_token(trainer.model) else answers
    assert trainer.teacher is not None
    assert loss.item() == distillation_loss(second, trainer.teacher(x), Distillation(kind=kind)).item()


@cache
def _trainer(model: ModelSpec, kind: str) -> Trainer:
    small_data = DIGITS.data.model_copy(update={"train_size": 64, "test_size": 64})
    return taught(DIGITS.model_copy(update={"data": small_data}), model, Distillation(kind=kind, alpha=1))


@RULES
def test_a_distillation_token_listens_to_the_teacher_and_the_class_token_to_the_labels(scale: Scale, kind: str) -> None:
    trainer = taught(scale, TOKEN, Distillation(kind=kind, alpha=1))
    trainer.train_steps(1)
    assert trainer.model.head.weight.grad.abs().max() == 0
    assert trainer.model.head_dist.weight.grad.abs().max() > 0
    almost_none = taught(scale, TOKEN, Distillation(kind=kind, alpha=1e-300))
    almost_none.train_steps(1)
    assert almost_none.model.head.weight.grad.abs().max() > 0
    assert almost_none.model.head_dist.weight.grad.abs().max() == 0


def test_a_distilled_student_answers_with_the_mean_of_both_heads_when_it_is_tested(scale: Scale) -> None:
    trainer = taught(scale, small("vit_dn", distilled=True), HARD)
    x = torch.rand(2, 3, 16, 16)
    first, second = trainer.model.train()(x)
    assert torch.allclose(trainer.model.eval()(x), (first + second) / 2)


def test_teacher_and_student_see_the_same_moved_pictures(scale: Scale) -> None:
    parent = weighted()
    asked = trial(
        scale,
        parent[0],
        teacher=Teacher(trial=PARENT, kind="soft", alpha=1),
        pretrained=PARENT,
        batch_size=scale.data.train_size,
        shift=3,
    )
    history = finish(Trainer(asked, parents=Parents({PARENT: parent}.get)))
    assert history[0]["train_loss"] == pytest.approx(0, abs=1e-6)  # the student is its own teacher


def test_a_teacher_changes_neither_initial_weights_nor_order_nor_what_is_drawn(scale: Scale) -> None:
    plain, listening = Trainer(trial(scale)), taught(scale, STUDENT, Distillation(alpha=1e-12))
    assert plain.weights() == listening.weights()
    for a, b in zip(finish(plain), finish(listening), strict=True):
        assert a == pytest.approx(b, rel=1e-3)


# ---- interrupted within an epoch

KINDS: dict[str, tuple[ModelSpec, dict]] = {
    "plain": (STUDENT, {}),
    "batch norm": (small("resnet50"), {}),
    "dropout": (override(STUDENT, {"drop_rate": 0.3, "backbone.drop_path_rate": 0.2, "backbone.depth": 2}), {}),
    "taught, one head": (STUDENT, {"teacher": Teacher(trial=PARENT, kind="soft", tau=2)}),
    "taught, token": (TOKEN, {"teacher": Teacher(trial=PARENT)}),
    "pretrained": (override(weighted()[0], {"backbone.depth": 6}), {"pretrained": PARENT}),
    "both": (weighted()[0], {"teacher": Teacher(trial=PARENT, alpha=0.3), "pretrained": PARENT}),
}


def at_steps(trainer: Trainer, steps: set[int]) -> Callable[[], bool]:
    return lambda: trainer.step in steps


def written_and_read(state: dict) -> dict:
    """A state as it comes back from a file."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [{1}, {3}, {6}, {1, 2, 3, 4, 5, 6, 7, 8}], ids=str)
def test_a_trial_interrupted_within_an_epoch_ends_with_the_numbers_of_one_that_was_not(
    scale: Scale, kind: str, steps: set[int]
) -> None:
    model, needs = KINDS[kind]
    asked = trial(scale, model, **needs)
    parents = Parents({PARENT: weighted()}.get)
    whole = Trainer(asked, parents=parents)
    expected = finish(whole)
    assert whole.steps_per_epoch == 4 and whole.step == 8

    trainer, interruptions = Trainer(asked, parents=parents), []
    while not trainer.done:
        record = trainer.train_epoch(at_steps(trainer, steps))
        if record is None:
            interruptions.append(trainer.step)
        state = written_and_read(trainer.state_dict())
        torch.manual_seed(random.randrange(10**6))  # another process, another past
        trainer = Trainer(asked, parents=parents)
        trainer.load_state_dict(state)
    assert interruptions == sorted(steps - {4, 8}), "after the last step of an epoch there is nothing to interrupt"
    assert finish(trainer) == expected
    assert trainer.weights() == whole.weights()


def test_an_interrupted_epoch_goes_on_in_the_same_process_too(scale: Scale) -> None:
    trainer = Trainer(trial(scale))
    assert trainer.train_epoch(lambda: True) is None
    assert (trainer.step, trainer.epochs_done, trainer.history) == (1, 0, [])
    assert trainer.train_epoch(at_steps(trainer, {3})) is None
    assert trainer.step == 3
    record = trainer.train_epoch(lambda: True)
    assert record is not None and record["epoch"] == 1
    assert finish(trainer) == finish(Trainer(trial(scale)))


@pytest.mark.parametrize("distilled", [(False, True), (True, False)])
def test_a_token_more_or_less_does_not_keep_a_model_from_starting_from_another(distilled: tuple[bool, bool]) -> None:
    specs = [override(STUDENT, {"distilled": value}) for value in distilled]
    parent, model = build(specs[0]), build(specs[1])
    mine = model.state_dict()["pos_embed"].clone()
    share = start_from(model, (specs[0], packed(parent)))
    assert share > 0.9
    old, new = parent.state_dict()["pos_embed"], model.state_dict()["pos_embed"]
    assert torch.equal(new[:, :1], old[:, :1])
    assert torch.equal(new[:, 1 + distilled[1] :], old[:, 1 + distilled[0] :])
    if distilled[1]:
        assert torch.equal(new[:, 1:2], mine[:, 1:2]), "a token that the parent has not keeps its own row"


def test_a_position_table_of_another_grid_is_resized() -> None:
    small, big = (override(STUDENT, {"img_size": size}) for size in ([16, 24], [24, 16]))
    parent, model = build(small), build(big)
    assert start_from(model, (small, packed(parent))) > 0.9
