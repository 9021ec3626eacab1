"""Arms at equal cost where a scale, or other pictures, stand between an arm and its baseline."""

from collections.abc import Callable
from pathlib import Path

import pytest

from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.language.equal_cost import matched
from studies.language.expansion import at_scale, full_size
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.language.study import Arm, Study
from studies.language.study_file import Match

StudyFile = Callable[..., Path]
DIGITS = load_scale("digits")


def arms_of(base: ModelSpec, other: ModelSpec, rule: Match) -> Study:
    arms = (
        Arm("g", "base", base, True, False, match=rule),
        Arm("g", "other", other, False, False, match=rule),
        Arm("g", "needs it", base, False, False, match=rule, pretrained=("g", "other")),
    )
    return Study("s", "", "", None, "digits", (0,), arms, {"g": "t2t_vit_7"})


@pytest.mark.slow
def test_an_arm_that_cannot_cost_the_same_at_a_scale_is_not_there_and_says_why() -> None:
    rule = Match(macs="backbone.num_heads")  # which costs nothing
    study = arms_of(preset("t2t_vit_7"), override(preset("t2t_vit_7"), {"backbone.depth": 28}), rule)
    base, other, needing = at_scale(study, DIGITS)
    assert base.model is not None
    assert other.model is None
    assert other.refusal.startswith("match: no backbone.num_heads gives ")
    assert "allow more (`within`)" in other.refusal
    assert needing.refusal == f"it needs other: {other.refusal}"


def test_arms_at_larger_pictures_are_matched_on_the_baselines_and_can_start_with_the_weights_of_what_they_go_on_from(
    study_file: StudyFile,
) -> None:
    larger = {"base": "t2t_vit_14_384", "stage": "larger"}
    path = study_file(
        base="t2t_vit_14",
        arms={
            "a": {},
            "b": {"backbone.attention": "ghost"},
            "a@384": larger | {"pretrained": "a"},
            "b@384": larger | {"backbone.attention": "ghost", "pretrained": "b"},
        },
        match={"macs": "backbone.mlp_ratio"},
    )
    for models in (full_size(parse(path)), [item.model for item in at_scale(parse(path), DIGITS)]):
        a, b, larger_a, larger_b = models
        assert a and b and larger_a and larger_b
        assert b.backbone.mlp_ratio > a.backbone.mlp_ratio
        assert larger_b.img_size > b.img_size
        assert override(larger_b, {"img_size": b.img_size}) == b
        assert override(larger_a, {"img_size": a.img_size}) == a


def test_an_arm_of_other_classes_is_matched_as_if_it_told_those_of_the_baseline() -> None:
    reference = shrink(preset("t2t_vit_14"), DIGITS.shrink, 16, 3, 10)
    other, rule = override(reference, {"backbone.depth": 2}), Match(params="backbone.embed_dim", within=0.2)
    found = matched(other, reference, rule)
    many = override(other, {"num_classes": 4000})  # whose head has more parameters than all else
    assert matched(many, reference, rule) == override(found, {"num_classes": 4000})


def test_an_arm_that_cannot_see_the_pictures_of_the_baseline_is_refused_with_the_reason() -> None:
    with pytest.raises(SpecError, match=r"^match: on the baseline.s pictures: inception_v3 takes pictures of"):
        matched(preset("inception_v3"), preset("t2t_vit_7"), Match(macs="drop_path_rate"))


def test_without_its_baseline_at_a_scale_nothing_can_be_matched() -> None:
    study = arms_of(preset("alexnet"), preset("t2t_vit_7"), Match(macs="backbone.mlp_ratio"))
    refusals = [item.refusal for item in at_scale(study, DIGITS)]
    assert "at least 63 pixels" in refusals[0]
    assert refusals[1] == "the baseline that it is matched with is not at this scale"
