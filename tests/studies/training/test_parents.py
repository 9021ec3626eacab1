"""What a trial takes from another one, and that none of it is lost when it is interrupted."""

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parenthood import PARENT, STUDENT, small, trial, weighted

from blocks.positions import resize_positions
from searchspace.build import build
from searchspace.expand import override
from studies.training.parents import (
    ParentError,
    Parents,
    distillation_loss,
    packed,
    restored,
    start_from,
)
from studies.training.trainer import Trainer
from studies.trials.scale import Scale
from studies.trials.trial import Distillation, Teacher

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


# ---- interrupted within an epoch


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
