"""What a scale makes alike is said before anything is trained."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import Studies, StudyFile

from studies.language.expansion import at_scale, trials
from studies.language.likeness import made_alike, same_trials
from studies.language.resolve import parse
from studies.language.scale_file import load_scale

DIGITS = load_scale("digits")  # divides depths by 4
SE = {"backbone.channel_attention": "squeeze_excite"}


def alike(path: Path, seeds: tuple[int, ...] = (0, 1)) -> list[str]:
    return made_alike(list(trials(at_scale(parse(path), DIGITS), seeds)))


@pytest.mark.parametrize(
    ("arms", "lines"),
    [
        ({"a": {"backbone.depth": 7}, "b": {"backbone.depth": 12}}, []),
        (
            {"a": {"backbone.depth": 6}, "b": {"backbone.depth": 8}, "c": {"backbone.depth": 7}},
            [
                "one and the same model at this scale: a, b, c",
                "backbone.depth: 6, 8 and 7 are all 2 at this scale",
            ],
        ),
        (
            {"a": {"backbone.depth": 6}, "b": {"backbone.depth": 8} | SE},
            ["backbone.depth: 6 and 8 are both 2 at this scale"],
        ),
        ({"a": {"tokenizer.token_dim": 32}, "b": {"tokenizer.token_dim": 64}}, []),  # their own word
        ({"a": {}, "b": {}}, []),  # at full size too
        ({"a": {"backbone.drop_path_rate": 0.1}, "b": {"recipe.lr": 0.1}}, []),
    ],
)
def test_arms_and_values_that_become_one_are_named(
    study_file: StudyFile, arms: dict[str, Any], lines: list[str]
) -> None:
    assert alike(study_file(arms=arms)) == lines


def test_groups_are_looked_at_one_by_one(tmp_path: Path) -> None:
    arms = {"a": {"backbone.depth": 6}, "b": {"backbone.depth": 8}}
    groups = {
        "one": {"base": "t2t_vit_14", "arms": arms},
        "two": {"base": "t2t_vit_14", "arms": {"c": {"backbone.depth": 7} | SE}},
    }
    path = tmp_path / "s.yaml"
    path.write_text(json.dumps({"study": "s", "groups": groups}))  # which is YAML
    assert alike(path) == [
        "one and the same model at this scale: a, b",
        "backbone.depth in one: 6 and 8 are both 2 at this scale",
    ]
    made = list(trials(at_scale(parse(path), DIGITS), (3, 4)))
    assert [[arm.name for arm in arms] for arms in same_trials(made)] == [["a", "b"]]


def test_a_matched_field_is_no_value_that_becomes_one(study_file: StudyFile) -> None:
    arms = {"a": {}, "b": {"backbone.depth": 8}}
    lines = alike(study_file(arms=arms, match={"macs": "backbone.mlp_ratio"}))
    assert not any("mlp_ratio" in line for line in lines)


@pytest.mark.slow
def test_plan_and_run_say_it_before_the_cost(studies: Studies, study_file: StudyFile, tiny: Path) -> None:
    study = str(study_file(arms={"a": {"backbone.depth": 6}, "b": {"backbone.depth": 8}}, seeds=1))
    where = (study, "--scale", str(tiny))
    lines = ["one and the same model at this scale: a, b", "backbone.depth: 6 and 8 are both 1 at this scale"]
    text = studies("plan", *where).stdout
    assert "\n".join(lines) in text
    assert text.index(lines[0]) < text.index("1 trial: 0 done, 1 to train")
    assert json.loads(studies("plan", *where, "--json").stdout)["alike"] == lines
    assert "\n".join(lines) in studies("run", *where, "--executor", "inline").stderr
