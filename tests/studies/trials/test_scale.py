from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml

from searchspace.expand import SpecError
from studies.language.expansion import at_scale
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale, names


def written(tiny: Path, section: str, **changes: Any) -> str:
    content = yaml.safe_load(tiny.read_text())
    content[section] |= changes
    tiny.write_text(yaml.safe_dump(content))
    return str(tiny)


def test_every_scale_that_ships_loads_under_its_own_name() -> None:
    assert "digits" in names()
    for name in names():
        assert load_scale(name).scale == name


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("recipe", {"batch_size": 1000}, "batch_size must be at most data.train_size, got 1000 and 128"),
        ("recipe", {"lr": float("inf")}, "recipe.lr"),
        ("recipe", {"betas": [2, 3]}, "recipe.betas"),
        ("recipe", {"epoch": 3}, "unknown field; did you mean epochs"),
        ("data", {"min_side": 30.0, "max_side": 40.0}, "a digit must fit its picture"),
        ("data", {"kind": "mnist"}, "data.kind"),
        ("shrink", {"widht": 3}, "unknown field; did you mean width"),
    ],
)
def test_a_scale_file_that_does_not_work_is_one_line_with_its_place(
    tiny: Path, section: str, changes: dict, message: str
) -> None:
    with pytest.raises(SpecError, match=r"tiny.yaml:\d+: ") as error:
        load_scale(written(tiny, section, **changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ({"t2t_vit_15": {}}, "presets: unknown preset 't2t_vit_15'; did you mean t2t_vit_1"),
        ({"t2t_vit_14": {"lrr": 1}}, "presets.t2t_vit_14: recipe: unknown field 'lrr'; did you mean lr"),
        ({"t2t_vit_14": {"lr": -1}}, "presets.t2t_vit_14: recipe.lr"),
    ],
)
def test_what_a_scale_says_of_presets_is_checked(tiny: Path, presets: dict, message: str) -> None:
    tiny.write_text(yaml.safe_dump(yaml.safe_load(tiny.read_text()) | {"presets": presets}))
    with pytest.raises(SpecError, match=r"tiny.yaml") as error:
        load_scale(str(tiny))
    assert message in str(error.value)


def test_a_scale_changes_the_recipe_of_arms_by_the_preset_that_they_start_from(
    tiny: Path, study_file: Callable[..., Path]
) -> None:
    presets = {"t2t_vit_14": {"lr": 0.5}, "t2t_vit_19": {"weight_decay": 0.25}}
    tiny.write_text(yaml.safe_dump(yaml.safe_load(tiny.read_text()) | {"presets": presets}))
    arms = {
        "14": {}, "deeper": {"backbone.depth": 21}, "19": {"base": "t2t_vit_19"}, "vit": {"base": "vit_s_16"},
        "own": {"base": "t2t_vit_t_19", "recipe.lr": 0.125},
    }  # fmt: skip
    scaled = at_scale(load_study(str(study_file(arms=arms))), load_scale(str(tiny)))
    found = {item.arm.name: (item.scale.recipe.lr, item.scale.recipe.weight_decay) for item in scaled}
    plain = load_scale(str(tiny)).recipe
    assert found == {
        "14": (0.5, plain.weight_decay),
        "deeper": (0.5, plain.weight_decay),
        "19": (0.5, 0.25),
        "vit": (plain.lr, plain.weight_decay),
        "own": (0.125, 0.25),
    }


def test_imagenet_is_the_papers_training_scheme() -> None:
    scale = load_scale("imagenet")
    recipe, steps = scale.recipe, 310 * (1281167 // 1024)
    epoch = steps // 310
    assert ceil(recipe.warmup_fraction * steps) == ceil(recipe.cooldown_fraction * steps) == 10 * epoch
    by_preset = {
        preset: (scale.recipe_of(preset).get("lr", recipe.lr), scale.recipe_of(preset).get("weight_decay", 0.05))
        for preset in ("t2t_vit_14", "t2t_vit_t_14", "t2t_vit_12_distilled", "t2t_vit_t_19", "t2t_vit_24", "resnet50")
    }
    assert by_preset == {
        "t2t_vit_14": (5e-4, 0.05),
        "t2t_vit_t_14": (5e-4, 0.05),
        "t2t_vit_12_distilled": (1e-3, 0.03),
        "t2t_vit_t_19": (5e-4, 0.065),
        "t2t_vit_24": (5e-4, 0.065),
        "resnet50": (5e-4, 0.05),
    }


def test_a_name_with_a_path_in_it_is_refused(tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace("scale: tiny", "scale: ../tiny"))
    with pytest.raises(SpecError, match="scale: "):
        load_scale(str(tiny))


@pytest.mark.parametrize("augment", [{"auto_augment": "rand-m9"}, {"color_jitter": 0.4}])
def test_colours_of_digits_cannot_be_changed(tiny: Path, augment: dict) -> None:
    with pytest.raises(SpecError, match=r"change the colours of bytes.* crop, hflip and reprob work") as error:
        load_scale(written(tiny, "recipe", augment=augment))
    assert "\n" not in str(error.value)


def test_words_of_randaugment_that_cannot_be_are_one_line_with_their_place(tiny: Path) -> None:
    with pytest.raises(SpecError, match=r"recipe.augment.auto_augment: .*m is the magnitude.*got m99"):
        load_scale(written(tiny, "recipe", augment={"auto_augment": "rand-m99"}))
