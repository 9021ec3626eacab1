"""A scale whose learning rate goes by the width of a model: which models, which rate, and whose word wins."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Studies, one_line

from searchspace.presets import preset
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale
from studies.reporting.parts import parts

StudyFile = Callable[..., Path]


@pytest.fixture
def by_width(tmp_path: Path, tiny: Path) -> Callable[..., str]:
    """The path of a scale with changes."""

    def write(**changes: Any) -> str:
        scale = yaml.safe_load(tiny.read_text()) | {"scale": "by_width"} | changes
        path = tmp_path / "by_width.yaml"
        path.write_text(yaml.safe_dump(scale))
        return str(path)

    return write


def rates(study: Path | str, scale: str) -> dict[str, float]:
    asked = load_study(study) if isinstance(study, str) else parse(study)
    return {arm.name: trial.recipe.lr for arm, trial in trials(at_scale(asked, load_scale(scale)), (0,))}


def test_a_model_learns_at_a_rate_by_its_mean_width(by_width: Callable[..., str]) -> None:
    scale = by_width(lr_base_width=96, recipe={"epochs": 1, "batch_size": 10, "lr": 0.01}, shrink={"depth": 4})
    found = rates("cnn_to_vit", scale)
    assert found["ViT-S/16"] == pytest.approx(0.01 * 96 / 768)
    assert found["ViT-SE"] == found["ViT-Ghost"] == found["ViT-S/16"]
    assert found["T2T-ViT-14"] == pytest.approx(0.01 * 96 / 384)
    dense = next(
        item.model for item in at_scale(load_study("cnn_to_vit"), load_scale(scale)) if item.arm.name == "ViT-Dense"
    )
    widths = [width for block in dense.backbone.widths() for width in block]
    assert len(set(widths)) > 1
    assert found["ViT-Dense"] == pytest.approx(0.01 * 96 / (sum(widths) / len(widths)), rel=1e-3)
    assert load_scale(scale).recipe_for(preset("resnet50")) == load_scale(scale).recipe, "no width of tokens"


def test_a_model_of_the_base_width_is_the_trial_that_it_is_without(
    study_file: StudyFile, by_width: Any, tiny: Path
) -> None:
    path = study_file(arms={"a": {}, "b": {"backbone.depth": 8}})
    plain = [trial.id for _, trial in trials(at_scale(parse(path), load_scale(str(tiny))), (0,))]
    width = at_scale(parse(path), load_scale(str(tiny)))[0].model.backbone.embed_dim  # type: ignore[union-attr]
    same, other = (
        [trial.id for _, trial in trials(at_scale(parse(path), load_scale(by_width(lr_base_width=base))), (0,))]
        for base in (width, 2 * width)
    )
    assert same == plain
    assert not set(other) & set(plain)


def test_what_an_arm_says_of_its_rate_wins_and_a_stage_is_scaled(
    study_file: StudyFile, by_width: Any, tiny: Path
) -> None:
    path = study_file(
        arms={"a": {}, "own": {"recipe.lr": 0.5}, "slow": {"stage": "slow"}, "sgd": {"recipe.opt": "sgd"}}
    )
    width = at_scale(parse(path), load_scale(by_width(stages={"slow": {}})))[0].model.backbone.embed_dim  # type: ignore[union-attr]
    base = load_scale(str(tiny)).recipe.lr
    found = rates(path, by_width(lr_base_width=2 * width, stages={"slow": {"recipe.lr": 0.004}}))
    assert found == {"a": pytest.approx(2 * base), "own": 0.5, "slow": pytest.approx(0.008), "sgd": base}


@pytest.mark.parametrize("value", [0, -3, "wide"])
def test_a_base_width_that_is_none_is_refused_in_one_line(value: Any, by_width: Any, studies: Studies) -> None:
    error = one_line(studies("plan", "cnn_to_vit", "--scale", by_width(lr_base_width=value)))
    assert "lr_base_width" in error
    assert str(value) in error


def test_all_rates_of_a_recipe_go_by_width_and_one_that_cannot_be_is_a_refusal(by_width: Any, studies: Studies) -> None:
    recipe = {"epochs": 1, "batch_size": 10, "lr": 0.002, "min_lr": 0.0015, "warmup_lr": 0.001}
    scale = load_scale(by_width(lr_base_width=96, recipe=recipe))
    made = scale.recipe_for(preset("vit_s_16"))
    assert (made.lr, made.min_lr, made.warmup_lr) == pytest.approx((0.00025, 0.0001875, 0.000125))
    assert made.epochs == 1
    wild = by_width(lr_base_width=16384, recipe=recipe | {"lr": 1000, "min_lr": 0, "warmup_lr": None})
    error = one_line(studies("plan", "cnn_to_vit", "--scale", wild, "--only", "T2T-ViT-14"))
    assert "lr" in error
    assert "1000" in error


def test_the_rate_at_the_base_width_is_that_of_the_recipe_to_the_last_digit(by_width: Any) -> None:
    recipe = {"epochs": 1, "batch_size": 10, "lr": 3.90625e-4}
    assert load_scale(by_width(lr_base_width=768, recipe=recipe)).recipe_for(preset("vit_s_16")).lr == 3.90625e-4


def test_show_tells_the_rate_of_an_arm_at_the_scale_alone(
    studies: Studies, study_file: StudyFile, by_width: Any
) -> None:
    scale = by_width(lr_base_width=48)
    path = str(study_file(arms={"a": {}, "wide": {"backbone.embed_dim": 768}}, scale=scale))
    found = rates(Path(path), scale)
    assert found["wide"] == pytest.approx(found["a"] / 2, rel=0.1)
    text = studies("show", path, "--scale", scale).stdout
    assert all(f"recipe.lr={rate:g}" in text for rate in found.values())
    listed = json.loads(studies("show", path, "--scale", scale, "--json").stdout)["arms"]
    assert {arm["arm"]: arm["recipe.lr"] for arm in listed} == found
    assert "recipe.lr" in studies("show", path, "--scale", scale, "--diff", "a", "wide").stdout
    assert "recipe.lr" not in studies("show", path).stdout, "models at full size are trained nowhere here"


def test_effects_of_crossed_factors_are_those_of_the_study_file(study_file: StudyFile, by_width: Any) -> None:
    slow = {"recipe.lr": 1e-3}
    path = study_file(
        arms={"a": {}, "w": {"backbone.embed_dim": 768}, "s": slow, "ws": {"backbone.embed_dim": 768} | slow}
    )
    one_rate, by = (
        parts(at_scale(parse(path), load_scale(scale))) for scale in (by_width(), by_width(lr_base_width=48))
    )
    assert [part.names for part in by] == [part.names for part in one_rate]
    assert [part.values for part in by] == [part.values for part in one_rate]
