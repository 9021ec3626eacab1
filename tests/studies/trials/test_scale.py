from pathlib import Path
from typing import Any

import pytest
import yaml

from searchspace.expand import SpecError
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
