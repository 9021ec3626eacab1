"""What models are made of in the paper's words, and arms that are not what their names say at a scale."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from support import StudyFile

from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset
from studies.language.catalog import names
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale
from studies.language.study import Study
from studies.reporting.structures import misnamed, structure, tokens
from studies.reporting.tables import described, table
from studies.store.store import Store

DIGITS = load_scale("digits")
FIGURES = {"params": 1000, "macs": 2_000_000, "device": "cpu", "history": []}


@pytest.mark.parametrize(
    ("name", "made_of"),
    [
        ("t2t_vit_14", ("performer, 2 x 64, MLP 64", "14 x 384, MLP 1152")),
        ("t2t_vit_t_24", ("transformer, 2 x 64, MLP 64", "24 x 512, MLP 1536")),
        ("t2t_vit_c_14", ("3 convolutions", "14 x 384, MLP 1152")),
        ("vit_dense", ("patches of 16 x 16", "19 x 128-736, MLP ratio 4")),
        ("t2t_vit_dense", ("performer, 2 x 64, MLP 64", "19 x 128-584, MLP ratio 2")),
        ("densenet201", ("", "densenet201: 6, 12, 48, 32")),
        ("vgg11", ("", "vgg11")),
        ("resnet50_ghost", ("", "resnet50 of ghost modules: 3, 4, 6, 3")),
    ],
)
def test_models_aredescribed_as_the_papers_tables_do(name: str, made_of: tuple[str, str]) -> None:
    assert (tokens(preset(name)), structure(preset(name))) == made_of


def test_the_tokenizers_mlp_is_as_wide_as_it_says() -> None:
    model = build(override(preset("t2t_vit_14"), {"tokenizer.token_dim": 48, "backbone.depth": 1}))
    widths = [module.fc1.out_features for name, module in model.tokenizer.named_modules() if hasattr(module, "fc1")]
    assert widths == [48, 48]
    assert tokens(preset("t2t_vit_14")).endswith("64, MLP 64")


def test_a_distilled_model_without_a_teacher_is_not_what_its_name_says(study_file: StudyFile) -> None:
    arms = {"plain": {}, "alone": {"distilled": True}, "taught": {"distilled": True, "teacher": "plain"}}
    found = misnamed(at_scale(parse(study_file(arms=arms)), DIGITS))
    assert [name for _, name in found] == ["alone"]
    assert "no teacher" in next(iter(found.values()))


def test_a_model_for_larger_pictures_is_not_what_its_name_says_at_those_of_all_others(study_file: StudyFile) -> None:
    study = parse(study_file(arms={"T2T-ViT-14": {}, "T2T-ViT-14@384": {"base": "t2t_vit_14_384"}}))
    ((_, name), why) = next(iter(misnamed(at_scale(study, DIGITS)).items()))
    assert name == "T2T-ViT-14@384"
    assert why == "it is for pictures of 384 x 384, and sees the 16 x 16 of all others here"


def test_every_arm_of_the_catalog_is_what_its_name_says_at_digits() -> None:
    assert {name for study in names() for _, name in misnamed(at_scale(load_study(study), DIGITS))} == set()


def test_no_two_tables_compare_the_same_trials_in_opposite_directions() -> None:
    directions = {}
    for name in names():
        scaled = at_scale(load_study(name), DIGITS)
        made = {arm.key: trial.id for arm, trial in trials(scaled, (0,))}
        baselines = {item.arm.group: made[item.arm.key] for item in scaled if item.arm.baseline and item.model}
        directions[name] = {(made[key], baselines[key[0]]) for key in made if key[0] in baselines}
    for one, other in combinations(directions, 2):
        opposite = {(b, a) for a, b in directions[other] if a != b}
        assert not directions[one] & opposite, (one, other)


def finished(study: Study, runs: Path, top1: dict[str, float]) -> Store:
    """A store with two seeds of some arms of a study."""
    store = Store(runs)
    store.prepare()
    for arm, trial in trials(at_scale(study, DIGITS), (0, 1)):
        if arm.name in top1:
            store.plan(trial)
            store.finish(trial.id, FIGURES | {"top1": top1[arm.name] + trial.seed})
    return store


def test_an_untaught_row_shows_no_number_beside_the_papers_but_why(study_file: StudyFile, tmp_path: Path) -> None:
    arms = {"ViT-S/16": {"base": "vit_s_16"}, "DeiT-small-Distilled": {"base": "deit_small_distilled"}}
    study = parse(study_file(paper={"table": 2}, arms=arms))
    store = finished(study, tmp_path / "runs", {"ViT-S/16": 90.0, "DeiT-small-Distilled": 93.0})
    rows = json.loads(table(study, DIGITS, store, style="json"))
    row = next(row for row in rows if row["model"] == "DeiT-small-Distilled")
    assert (row["top1"], row["delta"], row["verdict"]) == (None, None, "not as named")
    assert "no teacher" in row["no_number"]
    text = table(study, DIGITS, store, style="md")
    assert "93.5" not in text
    assert "No number for DeiT-small-Distilled: it has a second token and a second head, but no teacher here" in text


def test_a_study_of_ones_own_keeps_its_numbers_and_is_told(study_file: StudyFile, tmp_path: Path) -> None:
    study = parse(study_file(arms={"plain": {}, "alone": {"distilled": True}}, seeds=2))
    store = Store(tmp_path / "runs")
    store.prepare()
    for arm, trial in trials(at_scale(study, DIGITS), study.seeds):
        store.plan(trial)
        store.finish(trial.id, FIGURES | {"top1": 93.0 + (arm.name == "alone") + trial.seed})
    text = table(study, DIGITS, store, style="md")
    assert "94.5 ± 0.7" in text
    assert "- alone: it has a second token and a second head, but no teacher here" in text


def test_arms_that_shrink_to_one_model_are_compared_once(study_file: StudyFile, tmp_path: Path) -> None:
    arms = {"six": {"backbone.depth": 6}, "eight": {"backbone.depth": 8}, "twenty": {"backbone.depth": 20}}
    study = parse(study_file(arms=arms, seeds=2))
    store = Store(tmp_path / "runs")
    store.prepare()
    for arm, trial in trials(at_scale(study, DIGITS), study.seeds):
        store.plan(trial)
        store.finish(trial.id, FIGURES | {"top1": 90.0 + 3 * (arm.name == "twenty") + trial.seed / 10})
    text = table(study, DIGITS, store, style="text")
    six, eight = (line.split() for line in text.splitlines() if line.startswith(("six ", "eight ")))
    assert (six[4:6], eight[4:7]) == (["2", "baseline"], ["2", "as", "six"])
    assert eight[1:4] == six[1:4] == ["90.0", "\u00b1", "0.1"]
    assert "corrected for 1 comparison, so" in " ".join(text.split())
    assert "One and the same model at this scale: six, eight." in text


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("digits", "digits: small models on small pictures, not ImageNet"),
        ("cifar10", "cifar10: small models on small pictures, not ImageNet"),
        ("cifar10_224", "cifar10_224: models at full size on pictures, not ImageNet"),
        ("imagenet", "imagenet: models at full size on ImageNet"),
    ],
)
def test_a_table_says_how_its_models_and_pictures_are_to_the_papers(scale: str, said: str) -> None:
    assert described(load_scale(scale)) == said
