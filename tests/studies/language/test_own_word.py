"""What an arm says of itself: at a scale it wins or is refused, and it reaches data and recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Studies, one_line

from searchspace.expand import SpecError
from studies.language.catalog import names
from studies.language.expansion import ScaledArm, at_scale, trials
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale
from studies.trials.trial import TrialSpec

StudyFile = Callable[..., Path]
DIGITS = load_scale("digits")


def scaled(path: Path) -> dict[str, ScaledArm]:
    return {item.arm.name: item for item in at_scale(parse(path), DIGITS)}


def made(path: Path) -> dict[str, TrialSpec]:
    return {arm.name: trial for arm, trial in trials(at_scale(parse(path), DIGITS), (0,))}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backbone.drop_path_rate", 0.3),
        ("backbone.init", "trunc_normal"),
        ("tokenizer.token_dim", 32),
        ("tokenizer.splits", [[3, 1, 1], [3, 2, 1], [3, 2, 1]]),
    ],
)
def test_what_an_arm_sets_is_not_overwritten_by_a_scale(study_file: StudyFile, field: str, value: object) -> None:
    plain, changed = made(study_file(arms={"a": {}, "b": {field: value}})).values()
    part, name = field.split(".")
    assert changed.model.model_dump(mode="json")[part][name] == value
    assert plain.id != changed.id


def test_what_an_arm_sets_to_the_value_of_its_base_is_its_own_word_too(study_file: StudyFile) -> None:
    arms = made(study_file(arms={"a": {}, "b": {"backbone.init": "trunc_normal"}}))
    assert parse(study_file(arms={"a": {}, "b": {"backbone.init": "trunc_normal"}})).arms[0].model.backbone.init == (
        "trunc_normal"
    ), "the base has it as well"
    assert (arms["a"].model.backbone.init, arms["b"].model.backbone.init) == ("lecun_normal", "trunc_normal")


def test_a_generated_arm_has_its_own_word(study_file: StudyFile) -> None:
    arms = made(study_file(arms={"a": {}}, ablate={"backbone.drop_path_rate": [0.1, 0.2]}))
    assert [trial.model.backbone.drop_path_rate for trial in arms.values()] == [0.0, 0.1, 0.2]


def test_what_a_mapping_repeats_of_its_base_is_shrunk_as_the_base_is(study_file: StudyFile) -> None:
    splits = [[7, 4, 2], [3, 2, 1], [3, 2, 1]]
    arms = made(
        study_file(
            arms={
                "t2t": {},
                "conv": {"tokenizer": {"kind": "conv", "token_dim": 64, "splits": splits}},
                "by kind": {"tokenizer.kind": "conv"},
                "narrow": {"tokenizer": {"kind": "conv", "token_dim": 8, "splits": splits}},
                "patch": {"tokenizer": {"kind": "patch", "patch_size": 16}},
            }
        )
    )
    assert arms["conv"].id == arms["by kind"].id
    assert arms["conv"].model.tokenizer.splits == arms["t2t"].model.tokenizer.splits
    assert (arms["conv"].model.tokenizer.token_dim, arms["narrow"].model.tokenizer.token_dim) == (16, 8)
    assert arms["patch"].model.tokenizer.patch_size == 4


def test_pictures_that_the_data_has_not_are_refused(study_file: StudyFile) -> None:
    item = scaled(study_file(arms={"a": {}, "b": {"img_size": 384}}))["b"]
    assert item.model is None
    assert item.refusal.startswith("img_size is 384 x 384 by the arm's own word, and 16 x 16 in the data of this scale")
    item = scaled(study_file(arms={"a": {}, "b": {"num_classes": 7}}))["b"]
    assert "num_classes is 7 by the arm's own word, and 10" in item.refusal
    assert scaled(study_file(arms={"a": {}, "b": {"img_size": 16, "num_classes": 10}}))["b"].model is not None


def test_data_and_recipe_of_an_arm_reach_its_trial_alone(study_file: StudyFile) -> None:
    changes = {"recipe.lr": 1.0e-3, "recipe.epochs": 8, "data.img_size": 24, "data.max_side": 20}
    plain, other = made(study_file(arms={"a": {}, "b": changes})).values()
    assert plain.data == DIGITS.data and plain.recipe == DIGITS.recipe
    assert (other.recipe.lr, other.recipe.epochs) == (1.0e-3, 8)
    assert (other.data.img_size, other.data.max_side, other.model.img_size) == (24, 20, (24, 24))
    assert other.recipe.model_copy(update={"lr": 2.0e-3, "epochs": 4}) == DIGITS.recipe
    mapping = {"recipe": {"lr": 1.0e-3, "epochs": 8}, "data": {"img_size": 24, "max_side": 20}}
    assert made(study_file(arms={"a": {}, "b": mapping}))["b"].id == other.id, "a mapping says the same"


def test_generators_reach_data_and_recipe(study_file: StudyFile) -> None:
    path = study_file(arms={"a": {}}, grid={"recipe.lr": [1.0e-3, 4.0e-3], "backbone.depth": [7]})
    assert [(name, trial.recipe.lr) for name, trial in made(path).items()] == [
        ("a", 2.0e-3),
        ("lr=0.001, depth=7", 1.0e-3),
        ("lr=0.004, depth=7", 4.0e-3),
    ]


def test_another_kind_of_data_has_its_own_defaults(study_file: StudyFile) -> None:
    trial = made(study_file(arms={"a": {}, "b": {"data.kind": "cifar100", "data.train_size": 1000}}))["b"]
    assert (trial.data.kind, trial.data.train_size, trial.data.img_size) == ("cifar100", 1000, 32)
    assert (trial.model.num_classes, trial.model.img_size) == (100, (32, 32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe.lrr": 1}, "b: unknown field 'recipe.lrr'; did you mean recipe.lr"),
        ({"data.size": 1}, "b: unknown field 'data.size'; did you mean data."),
        ({"recipe.lr": -1}, "b: recipe.lr: Input should be greater than 0, got -1"),
        ({"recipe.batch_size": 100_000}, "b: recipe.batch_size must be at most data.train_size, got 100000 and 8192"),
        ({"data.min_side": 30}, "b: data: a digit must fit its picture"),
        ({"data.kind": "mnist"}, "b: data.kind: must be one of 'digits', 'cifar10', 'cifar100', 'folder', 'timm', got"),
        ({"recipe": 3}, "b: recipe: a mapping of fields, got 3"),
        ({"rceipe": {}}, "b: unknown field 'rceipe'; did you mean recipe"),
    ],
)
def test_data_and_recipe_that_do_not_work_are_one_line_with_their_place(
    study_file: StudyFile, changes: dict[str, Any], message: str
) -> None:
    path = study_file(arms={"a": {}, "b": changes})
    with pytest.raises(SpecError) as error:
        parse(path)
    place, _, text = str(error.value).partition(": ")
    line = int(place.removeprefix(f"{path}:"))
    assert path.read_text().splitlines()[line - 1].strip().startswith(("b:", *changes))
    assert text.startswith(message)


@pytest.mark.slow
def test_at_another_scale_what_cannot_be_is_refused_there(study_file: StudyFile, tiny: Path, studies: Studies) -> None:
    path = study_file(arms={"a": {}, "b": {"recipe.batch_size": 256}})
    parse(path)
    refused = at_scale(parse(path), load_scale(str(tiny)))[1]
    assert refused.refusal.startswith("recipe.batch_size must be at most data.train_size")
    assert "not at this scale: b (recipe.batch_size" in studies("plan", str(path), "--scale", str(tiny)).stdout


def test_show_tells_what_an_arm_changes_of_data_and_recipe(studies: Studies, study_file: StudyFile) -> None:
    path = str(study_file(arms={"a": {}, "b": {"recipe.lr": 0.004, "data.seed": 1}}))
    assert "  b: data.seed=1, recipe.lr=0.004\n" in studies("show", path).stdout
    assert "recipe.lr: null -> 0.004" in studies("show", path, "--diff", "a", "b").stdout


def test_a_network_that_would_fetch_weights_is_refused_with_its_place(studies: Studies, study_file: StudyFile) -> None:
    path = study_file(base="resnet50", arms={"a": {}, "b": {"args.pretrained": True}})
    line = one_line(studies("show", str(path)))
    assert line.startswith(f"studies: {path}:5: b: args: pretrained would read weights")


def test_no_shipped_arm_says_anything_that_its_scale_would_have_overwritten() -> None:
    refused = {}
    for name in names():
        for item in at_scale(load_study(name), DIGITS):
            if "own word" in item.refusal:
                refused[item.arm.name] = name
    assert refused == {"T2T-ViT-14@384": "vit_comparison"}, "whose pictures digits has not"
