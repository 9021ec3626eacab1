"""Stages of a scale: larger pictures, other classes, another scale; and the arms that ask for them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Studies, StudyFile, one_line

from searchspace.expand import SpecError
from studies.language import catalog
from studies.language.expansion import ScaledArm, at_scale, expand, trials
from studies.language.resolve import load_study, parse
from studies.language.scale_file import at_stage, load_scale
from studies.trials.trial import TrialSpec

DIGITS = load_scale("digits")
IDS = json.loads((Path(__file__).parent / "digits_ids.json").read_text())  # as they were before there were stages


@pytest.fixture
def staged(tmp_path: Path, tiny: Path) -> Path:
    """A scale with stages, one of them at another scale beside it."""
    (tmp_path / "apart").mkdir()
    scale = yaml.safe_load(tiny.read_text())
    other = scale | {"scale": "other", "recipe": scale["recipe"] | {"epochs": 3}}
    (tmp_path / "apart" / "other.yaml").write_text(yaml.safe_dump(other))
    scale["stages"] = {
        "larger": {"data.img_size": 28, "recipe.lr": 0.01},
        "few": {"data": {"first_class": 7, "num_classes": 3}},
        "elsewhere": {"scale": "other.yaml", "recipe.batch_size": 16},
    }
    path = tmp_path / "apart" / "staged.yaml"
    path.write_text(yaml.safe_dump(scale, sort_keys=False))
    return path


def items(path: Path, scale: Path) -> dict[str, ScaledArm]:
    return {item.arm.name: item for item in at_scale(parse(path), load_scale(str(scale)))}


def by_name(path: Path, scale: Path) -> dict[str, TrialSpec]:
    return {arm.name: trial for arm, trial in trials(at_scale(parse(path), load_scale(str(scale))), (0,))}


@pytest.mark.parametrize("name", catalog.names())
def test_ids_of_arms_without_a_stage_are_those_of_the_version_before(name: str) -> None:
    found: dict[str, dict[str, None]] = {}
    for arm, trial in expand(
        at_scale(load_study(name), DIGITS), (0, 1, 2), semantics=1
    ).arms:  # the one of that version
        found.setdefault(arm.name, {})[trial.id] = None
    assert {arm: list(found[arm]) for arm in IDS.get(name, {})} == IDS.get(name, {})


def test_stages_that_nobody_asks_for_change_no_id(study_file: StudyFile, staged: Path, tiny: Path) -> None:
    path = study_file()
    assert {n: t.id for n, t in by_name(path, staged).items()} == {n: t.id for n, t in by_name(path, tiny).items()}


def test_an_arm_at_a_stage_has_its_pictures_classes_and_recipe(study_file: StudyFile, staged: Path) -> None:
    found = by_name(
        study_file(arms={"a": {}, "b": {"stage": "larger"}, "c": {"stage": "few"}, "d": {"stage": "elsewhere"}}), staged
    )
    large, few, other = found["b"], found["c"], found["d"]
    assert (large.model.img_size, large.data.img_size, large.recipe.lr) == ((28, 28), 28, 0.01)
    assert large.recipe.epochs == found["a"].recipe.epochs, "what the stage leaves alone"
    assert (few.model.num_classes, few.data.num_classes) == (3, 3)
    assert (other.recipe.epochs, other.recipe.batch_size) == (3, 16)


def test_what_an_arm_says_itself_wins_over_the_stage(study_file: StudyFile, staged: Path) -> None:
    arms: dict[str, Any] = {"a": {}, "b": {"stage": "larger", "recipe.lr": 0.5, "data.img_size": 30}}
    large = by_name(study_file(arms=arms), staged)["b"]
    assert (large.recipe.lr, large.model.img_size) == (0.5, (30, 30))


def test_a_preset_of_another_size_follows_the_stage_and_an_arms_own_word_does_not(
    study_file: StudyFile, staged: Path
) -> None:
    arms = {"a": {}, "preset": {"base": "t2t_vit_14_384", "stage": "larger"}, "own": {"img_size": 384}}
    found = items(study_file(arms=arms), staged)
    assert found["preset"].arm.model.img_size == (384, 384)
    assert found["preset"].model is not None and found["preset"].model.img_size == (28, 28)
    assert found["own"].refusal.startswith("img_size is 384 x 384 by the arm's own word")


def test_an_arm_whose_stage_the_scale_has_not_is_not_at_this_scale_nor_is_what_needs_it(
    study_file: StudyFile, tiny: Path, staged: Path
) -> None:
    path = study_file(arms={"a": {}, "b": {"stage": "larger"}, "c": {"pretrained": "b"}})
    found = items(path, tiny)
    assert found["b"].refusal == "scale tiny has no stage 'larger'"
    assert found["c"].refusal == "it needs b: scale tiny has no stage 'larger'"
    misspelt = items(study_file(arms={"a": {}, "b": {"stage": "larer"}}), staged)
    assert misspelt["b"].refusal == "scale tiny has no stage 'larer'; did you mean larger?"


def test_an_arm_is_not_taught_by_one_that_looks_at_other_pictures(study_file: StudyFile, staged: Path) -> None:
    arms = {"a": {}, "b": {"stage": "larger", "teacher": "a"}, "c": {"stage": "few", "teacher": "a"}}
    arms["d"] = {"stage": "larger", "teacher": "e"}
    arms["e"] = {"stage": "larger", "backbone.depth": 7}
    found = items(study_file(arms=arms), staged)
    text = "teacher: a takes pictures of 16 x 16 and tells 10 classes, where its student has"
    assert found["b"].refusal == f"{text} 28 x 28 and 10"
    assert found["c"].refusal == f"{text} 16 x 16 and 3"
    assert found["d"].model is not None


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"data.img_sise": 28}, "unknown field 'data.img_sise'; did you mean data.img_size"),
        ({"img_size": 28}, "unknown field 'img_size'; a stage changes data and recipe, or names a scale"),
        ({"recipe.lr": -1}, "recipe.lr: "),
        ({"data.img_size": 8}, "a digit must fit its picture"),
        ({"scale": "digitz"}, "unknown scale 'digitz'; did you mean digits, digits_long?"),
        ({"scale": "nothing.yaml"}, "cannot read "),
        ({"scale": 3}, "scale: the name or the path of a scale, got 3"),
    ],
)
def test_a_stage_that_cannot_be_is_refused_with_file_and_line(
    tmp_path: Path, tiny: Path, stage: dict[str, Any], message: str
) -> None:
    scale = {"stages": {"odd": stage}} | yaml.safe_load(tiny.read_text())
    path = tmp_path / "odd.yaml"
    path.write_text(yaml.safe_dump(scale, sort_keys=False))
    with pytest.raises(SpecError) as error:
        load_scale(str(path))
    assert str(error.value).startswith(f"{path}:3: stage odd: ")
    assert message in str(error.value)


def test_an_arm_at_a_stage_that_is_another_scale_is_the_trial_that_it_is_there(
    study_file: StudyFile, staged: Path
) -> None:
    scale = yaml.safe_load(staged.read_text())
    scale["stages"]["elsewhere"] = {"scale": "other.yaml"}
    staged.write_text(yaml.safe_dump(scale))
    here = by_name(study_file(arms={"a": {}, "b": {"stage": "elsewhere", "base": "t2t_vit_7"}}), staged)["b"]
    there = by_name(study_file(arms={"a": {}, "b": {"base": "t2t_vit_7"}}), staged.with_name("other.yaml"))["b"]
    assert here.id == there.id


def test_scales_whose_stages_name_each_other_are_read(tmp_path: Path, tiny: Path) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        scale = yaml.safe_load(tiny.read_text()) | {"scale": name, "stages": {"there": {"scale": f"{other}.yaml"}}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(scale))
    assert at_stage(load_scale(str(tmp_path / "one.yaml")), "there").scale == "two"


def test_an_arm_that_cannot_be_at_its_stage_is_refused_where_it_stands(study_file: StudyFile, staged: Path) -> None:
    path = study_file(arms={"a": {}, "b": {"stage": "few", "data.first_class": 8}}, scale=staged.name)
    path = path.rename(staged.parent / path.name)
    with pytest.raises(SpecError, match=r"s\.yaml:5: b: data: there are the digits 0 to 9"):
        parse(path)
    path.write_text(path.read_text().replace("data.first_class: 8", "data.first_class: 6"))
    assert parse(path).arms[1].stage == "few"


def test_stage_is_a_name(study_file: StudyFile) -> None:
    with pytest.raises(SpecError, match=r"s\.yaml:6: b: stage: the name of a scale's stage, got 3"):
        parse(study_file(arms={"a": {}, "b": {"stage": 3}}))


@pytest.mark.slow
def test_show_and_plan_say_stage_teacher_and_pretrained_of_each_arm(
    studies: Studies, study_file: StudyFile, staged: Path
) -> None:
    arms: dict[str, Any] = {"a": {}, "b": {"stage": "larger", "pretrained": "a"}, "c": {"teacher": "a"}}
    path = study_file(arms=arms)
    shown = studies("show", str(path))
    assert "b: as above, stage larger, starts from a" not in shown.stdout, "only the baseline is as above"
    assert "stage larger, starts from a" in shown.stdout
    plain = json.loads(studies("show", str(path), "--scale", str(staged), "--json").stdout)["arms"]
    assert [(arm["stage"], arm["pretrained"]) for arm in plain] == [(None, None), ("larger", "a"), (None, None)]
    plan = ("plan", str(path), "--scale", str(staged), "--seeds", "1", "--device-type", "h100")  # measures nothing
    planned = studies(*plan).stdout
    header, lines = planned.splitlines()[2], planned.splitlines()[5:8]
    assert header.split()[-3:] == ["stage", "waits", "for"]
    assert [line.split("planned")[1].split() for line in lines] == [[], ["larger", "a"], ["a"]]
    rows = json.loads(studies(*plan, "--json").stdout)["trials"]
    assert [(row["stage"], row["waits_for"]) for row in rows] == [("", []), ("larger", ["a"]), ("", ["a"])]


def test_an_arm_taught_by_one_of_another_study_is_shown_at_full_size(studies: Studies, study_file: StudyFile) -> None:
    path = study_file(arms={"a": {}, "b": {"teacher": {"study": "cnn_to_vit", "arm": "ViT-SE"}}})
    assert "teacher ViT-SE of cnn_to_vit (hard" in studies("show", str(path)).stdout


def test_a_run_in_which_no_arm_has_its_stage_is_refused(studies: Studies, study_file: StudyFile, tiny: Path) -> None:
    path = study_file(arms={"a": {"stage": "larger"}})
    line = one_line(studies("run", str(path), "--scale", str(tiny), "--executor", "inline"))
    assert line == "studies: no arm can be had at scale tiny: a: scale tiny has no stage 'larger'"
