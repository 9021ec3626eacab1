"""Training with a teacher."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parenthood import DIGITS, PARENT, STUDENT, TOKEN, small, trial, weighted
from trainings import finish

from searchspace.spec import ModelSpec
from studies.training.parents import (
    Parents,
    distillation_loss,
    has_distillation_token,
    packed,
)
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import Distillation, Teacher

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
    assert trainer.loss.teacher is not None
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    history = finish(trainer)
    assert history[1]["train_loss"] < history[0]["train_loss"]
    assert packed(trainer.loss.teacher) == weighted()[1]
    assert not trainer.loss.teacher.training
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
    loss = trainer.loss(answers, torch.tensor(labels), x)
    second = answers[1] if has_distillation_token(trainer.model) else answers
    assert trainer.loss.teacher is not None
    assert loss.item() == distillation_loss(second, trainer.loss.teacher(x), Distillation(kind=kind)).item()


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
    trainer = taught(scale, small("vit_dn", distilled=True), Distillation(kind="hard"))
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
