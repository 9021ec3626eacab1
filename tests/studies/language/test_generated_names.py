"""What generated arms are called: display only, and the long name of each is understood everywhere."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from searchspace.expand import SpecError
from studies.language.expansion import at_scale, expand
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.language.study import Study

DIGITS = load_scale("digits")
GRID = {"backbone.depth": [7, 14], "backbone.embed_dim": [192, 384], "tokenizer.mixer": ["none"]}
LONG = "depth=7, embed_dim=192, mixer=none"


def study_of(tmp_path: Path, study: str = "s", **content: object) -> Study:
    path = tmp_path / f"{study}.yaml"
    path.write_text(yaml.safe_dump({"study": study, "base": "t2t_vit_14"} | content, sort_keys=False))
    return parse(path)


def generated(study: Study) -> list[str]:
    return [arm.name for arm in study.arms if arm.name != "base"]


def ids(study: Study) -> list[str]:
    return [trial.id for _, trial in expand(at_scale(study, DIGITS), (0,)).arms]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (
            {"grid": GRID},
            ["depth=7, embed_dim=192", "depth=7, embed_dim=384", "depth=14, embed_dim=192", "depth=14, embed_dim=384"],
        ),
        ({"zip": {"backbone.depth": [7, 10], "backbone.mlp_ratio": [2, 2]}}, ["depth=7", "depth=10"]),
        ({"grid": {"backbone.depth": [7], "backbone.mlp_ratio": [2]}}, ["depth=7, mlp_ratio=2"]),  # nothing varies
        (
            {"sample": {"n": 2, "fields": {"backbone.depth": [7, 10], "backbone.mlp_ratio": {"low": 2, "high": 2}}}},
            ["depth=7", "depth=10"],
        ),
        (
            {"grid": {"backbone.depth": [7, 10], "backbone.mlp_ratio": [2]}, "ablate": {"backbone.depth": [7]}},
            ["depth=7", "depth=7, mlp_ratio=2", "depth=10"],  # one has the short name already
        ),
    ],
)
def test_a_name_has_what_varies(tmp_path: Path, rules: dict[str, Any], names: list[str]) -> None:
    assert sorted(generated(study_of(tmp_path, **rules))) == sorted(names)


@pytest.mark.parametrize(
    ("template", "first"),
    [
        ("{depth} x {embed_dim}", "7 x 192"),
        ("{backbone.depth} x {embed_dim}, {mixer}", "7 x 192, none"),
        ("d{depth} of {embed_dim}", "d7 of 192"),
    ],
)
def test_a_template_names_the_arms_of_a_grid(tmp_path: Path, template: str, first: str) -> None:
    study = study_of(tmp_path, grid=GRID, name=template)
    assert generated(study)[0] == first
    assert len(set(generated(study))) == 4
    assert ids(study) == ids(study_of(tmp_path, grid=GRID)), "names are no part of a trial"


@pytest.mark.parametrize("more", [{}, {"name": "{depth} x {embed_dim}"}])
def test_the_long_name_is_understood_wherever_a_name_is(tmp_path: Path, more: dict[str, str]) -> None:
    arms = {"student": {"teacher": LONG}, "later": {"pretrained": {"arm": LONG, "seed": 0}}}
    study = study_of(tmp_path, grid=GRID, baseline=LONG, arms=arms, **more)
    named = next(arm for arm in study.arms if arm.long_name == LONG)
    assert named.name != LONG
    assert named.baseline
    assert study.select([LONG]) == study.select(["depth=7, *=192, *"]) == [named]
    assert named in study.select(["student"]), "its teacher"
    other = study_of(tmp_path, "other", arms={"a": {"pretrained": {"study": "s.yaml", "arm": LONG}}})
    made = expand(at_scale(other, DIGITS), (0,))
    assert [trial.id for _, trial in made.others.values()] == [
        trial.id for arm, trial in expand(at_scale(study, DIGITS), (0,)).arms if arm is named
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"grid": GRID, "name": "{dept} x"}, "s.yaml:12: name: {dept} is no field of grid; did you mean depth?"),
        ({"grid": GRID, "name": "plain"}, "name: a line of text with fields of grid, zip or sample in braces"),
        ({"grid": GRID, "name": "{depth}\n"}, "name: a line of text with fields of grid, zip or sample in braces"),
        ({"arms": {"a": {}}, "name": "{depth}"}, "name: a line of text with fields of grid, zip or sample in braces"),
        ({"grid": GRID, "name": "{depth}"}, "grid: 7: two arms have this name: let `name` tell them apart"),
        (
            {"grid": GRID, "zip": {"backbone.mlp_ratio": [2]}, "name": "{depth}"},
            "name: {depth} is no field of zip; known: mlp_ratio",
        ),
    ],
)
def test_a_template_that_does_not_work_is_one_line_with_its_place(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError) as error:
        study_of(tmp_path, **content)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 's.yaml'}:")
    assert "\n" not in str(error.value)


def test_a_sample_does_not_draw_what_a_grid_has_made(tmp_path: Path) -> None:
    depths = {"backbone.depth": [6, 7]}
    sample = {"n": 1, "fields": {"backbone.depth": [6, 7, 8]}}
    assert generated(study_of(tmp_path, grid=depths, sample=sample)) == ["depth=6", "depth=7", "depth=8"]
