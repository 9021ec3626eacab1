from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from searchspace.expand import SpecError
from searchspace.presets import preset
from studies.language.catalog import names
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale

PRESET_OF = {
    "ViT-S/16": "vit_s_16",
    "ViT-DN": "vit_dn",
    "ViT-SW": "vit_sw",
    "ViT-Dense": "vit_dense",
    "ViT-SE": "vit_se",
    "ViT-ResNeXt": "vit_resnext",
    "ViT-Ghost": "vit_ghost",
    "T2T-ViT-14": "t2t_vit_14",
    "T2T-ViT-Wide": "t2t_vit_14_wide",
    "T2T-ViT-Dense": "t2t_vit_dense",
    "T2T-ViT-SE": "t2t_vit_14_se",
    "T2T-ViT-ResNeXt": "t2t_vit_14_resnext",
    "T2T-ViT-Ghost": "t2t_vit_16_ghost",
    "ResNet50-Ghost": "resnet50_ghost",
}
StudyFile = Callable[..., Path]


def test_cnn_to_vit_has_the_rows_of_table_6_as_presets_name_them() -> None:
    study = load_study("cnn_to_vit")
    assert len(study.arms) == 22  # the paper's 23 rows have ResNet50 twice
    assert len([arm for arm in study.arms if not arm.optional]) == 13
    arms = {arm.name: arm.model for arm in study.arms}
    for arm, name in PRESET_OF.items():
        assert arms[arm] == preset(name), arm


def test_every_study_that_ships_loads_and_has_one_baseline_a_group() -> None:
    for name in names():
        study = load_study(name)
        for group in study.bases:
            assert sum(arm.baseline for arm in study.arms if arm.group == group) == 1


def test_a_study_of_one_group_needs_base_and_arms_alone(study_file: StudyFile) -> None:
    study = parse(study_file(seeds=[5, 3]))
    assert [arm.name for arm in study.arms] == ["a", "b"]
    assert [arm.baseline for arm in study.arms] == [True, False]
    assert study.seeds == (5, 3)


def test_the_trials_are_arms_by_seeds(study_file: StudyFile) -> None:
    study, scale = parse(study_file()), load_scale("digits")
    made = list(trials(at_scale(study, scale), (0, 1, 2)))
    assert len(made) == 6
    assert len({trial.id for _, trial in made}) == 6
    assert [trial.seed for _, trial in made] == [0, 0, 1, 1, 2, 2]


def test_names_of_arms_and_study_do_not_change_a_trial(study_file: StudyFile) -> None:
    scale = load_scale("digits")
    one = parse(study_file())
    other = parse(study_file(study="other", arms={"x": {}, "y": {"backbone.depth": 8}}))
    ids = [[trial.id for _, trial in trials(at_scale(study, scale), (0,))] for study in (one, other)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ({"arms": {"a": {}, "b": {"backbone.dept": 8}}}, 6, "did you mean backbone.depth"),
        ({"arms": {"a": {"backbone.num_heads": 7}}}, 5, "num_heads must divide embed_dim"),
        ({"base": "t2t_vit14"}, 2, "did you mean t2t_vit_14"),
        ({"baseline": "c"}, 7, "no arm of 's'"),
        ({"questoin": "?"}, 7, "unknown field; did you mean question"),
        ({"seeds": 0}, 7, "seeds"),
        ({"study": "../up"}, 1, "study"),
        ({"arms": {}}, 1, "at least one of `arms`"),
        ({"arms": {"a": {"base": "resnet5"}}}, 5, "did you mean resnet50"),
        ({"groups": {"g": {"base": "t2t_vit_14", "arm": {"a": {}}}}}, 10, "unknown field; did you mean arms"),
    ],
)
def test_a_typing_error_is_named_with_file_and_line(
    study_file: StudyFile, content: dict, line: int, message: str
) -> None:
    path = study_file(**content)
    with pytest.raises(SpecError) as error:
        parse(path)
    text = str(error.value)
    assert message in text, text
    got = int(text.split(f"{path}:")[1].split(":")[0])
    assert got == line, f"{text}\n{path.read_text()}"
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: a\nstudy: b\n", r"s.yaml:2: 'study' stands twice"),
        ("study: [a\n", r"s.yaml:\d: not YAML"),
        ("- a\n", r"must be a mapping"),
        ("", r"must be a mapping"),
        ("1: a\n", r"keys are text, got 1, which YAML reads as 1"),
        ("on: a\n", r"keys are text, got on, which YAML reads as True; put it in quotes"),
    ],
)
def test_a_file_that_is_no_study_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        parse(path)


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"cannot read nowhere.yaml: No such file"):
        load_study("nowhere.yaml")


def test_an_unknown_study_or_scale_offers_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean cnn_to_vit"):
        load_study("cnn_to_vti")
    with pytest.raises(SpecError, match="did you mean digits"):
        load_scale("digit")


def test_selecting_arms_by_pattern_or_group() -> None:
    study = load_study("cnn_to_vit")
    assert [arm.name for arm in study.select(["*-SE"])] == ["ViT-SE", "T2T-ViT-SE"]
    assert len(study.select(["cnn to vit"])) == 7
    assert len(study.select(everything=True)) == 22
    with pytest.raises(SpecError, match="did you mean ViT-SE"):
        study.select(["ViT-SEE"])


def test_an_arm_is_selected_by_its_name_to_the_letter_before_it_is_a_pattern(study_file: StudyFile) -> None:
    arms = {name: {"backbone.depth": depth} for depth, name in enumerate(("a", "[ab]", "*", "stages=[{x:1}]"), start=4)}
    study = load_study(str(study_file(arms=arms)))
    for name in arms:
        assert [arm.name for arm in study.matching([name])] == [name]
    assert [arm.name for arm in study.matching(["s/a"])] == ["a"], "GROUP/ARM, as elsewhere"
    assert len(study.matching(["**"])) == 4


def test_what_an_arm_makes_of_data_is_checked_at_the_scale_that_is_asked_for(
    study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(tiny.read_text().replace("batch_size: 32", "batch_size: 8"))
    path = study_file(arms={"a": {}, "few": {"data.train_size": 20}})
    with pytest.raises(SpecError, match=r"s.yaml:\d+: few: .*batch_size must be at most data.train_size"):
        load_study(str(path))
    study = load_study(str(path), str(small))
    scaled = {item.arm.name: item for item in at_scale(study, load_scale(str(small)))}
    assert scaled["few"].model is not None
    refused = {item.arm.name: item.refusal for item in at_scale(study, load_scale("digits"))}
    assert "batch_size must be at most data.train_size" in str(refused["few"])


def test_a_mapping_takes_over_another_by_a_merge_key(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    head = "study: s\nbase: t2t_vit_14\narms:\n  a: &a {backbone.mlp_ratio: 2, backbone.depth: 4}\n"
    path.write_text(head + "  b: &b {backbone.depth: 5, <<: *a}\n  c: {<<: [*b, *a], backbone.qkv_bias: true}\n")
    changes = {arm.name: (arm.model.backbone.mlp_ratio, arm.model.backbone.depth) for arm in load_study(str(path)).arms}
    assert changes == {"a": (2, 4), "b": (2, 5), "c": (2, 5)}
    path.write_text(head + "  b:\n    <<: 3\n")
    with pytest.raises(SpecError, match=r"s.yaml:6: <<: takes a mapping, or a list of them"):
        load_study(str(path))


def test_an_arm_that_is_too_big_for_a_scale_says_why() -> None:
    scaled = {item.arm.name: item for item in at_scale(load_study("cnn_to_vit"), load_scale("digits"))}
    assert "at least 63 pixels" in scaled["AlexNet"].refusal
    assert scaled["ResNet50"].model is not None


@pytest.mark.slow
def test_ratios_between_shrunk_arms_stay_near_the_papers() -> None:
    from searchspace.cost.remembered import costs

    study, scale = load_study("cnn_to_vit"), load_scale("digits")
    arms = [item for item in at_scale(study, scale) if not item.arm.optional]
    small = costs([item.model for item in arms if item.model])
    full = costs([item.arm.model for item in arms])
    by_name = {item.arm.name: i for i, item in enumerate(arms)}
    for item in arms:
        base = by_name["T2T-ViT-14" if item.arm.group == "CNN to T2T-ViT" else "ViT-S/16"]
        i = by_name[item.arm.name]
        limit = 0.14 if "Dense" in item.arm.name else 0.11
        for figure in ("params", "macs"):
            ratio = small[i][figure] / small[base][figure]
            assert abs(ratio - full[i][figure] / full[base][figure]) < limit, (item.arm.name, figure, ratio)


def test_the_example_study_has_four_arms_over_t2t_vit() -> None:
    path = Path(__file__).parents[3] / "examples" / "my_first_study.yaml"
    study = load_study(str(path))
    assert len(study.arms) == 4
    assert set(study.bases.values()) == {"t2t_vit_14"}
    assert yaml.safe_load(path.read_text())["question"]


def test_a_scale_that_is_a_file_is_looked_for_beside_the_study_that_names_it(tiny: Path, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    tiny.rename(folder / "tiny.yaml")
    study = folder / "s.yaml"
    study.write_text("study: s\nscale: tiny.yaml\nbase: t2t_vit_14\narms: {a: {}, b: {backbone.depth: 8}}\n")
    assert Path(load_study(str(study)).scale) == folder / "tiny.yaml"
    child = elsewhere / "c.yaml"
    child.write_text("study: c\nextends: ../mine/s.yaml\narms: {c: {backbone.depth: 4}}\n")
    assert Path(load_study(str(child)).scale).resolve() == folder / "tiny.yaml"
    (folder / "tiny.yaml").unlink()
    with pytest.raises(SpecError, match=r"s\.yaml:2: scale: no such file: .*mine/tiny\.yaml"):
        load_study(str(study))


def test_a_study_may_have_groups_beside_the_arms_of_its_own(study_file: StudyFile, tmp_path: Path) -> None:
    groups = {"teachers": {"base": "resnet50", "arms": {"r": {}}}}
    study = parse(study_file(arms={"a": {}, "b": {"teacher": "r"}}, groups=groups))
    assert [arm.key for arm in study.arms] == [("s", "a"), ("s", "b"), ("teachers", "r")]
    assert study.arms[1].needs == [("teachers", "r")]
    assert study.bases == {"s": "t2t_vit_14", "teachers": "resnet50"}
    child = tmp_path / "child.yaml"
    child.write_text("study: child\nextends: s.yaml\narms: {c: {teacher: r}}\ngroups: {teachers: {arms: {q: {}}}}\n")
    names = [arm.key for arm in parse(child).arms]
    assert names == [("child", "a"), ("child", "b"), ("child", "c"), ("teachers", "r"), ("teachers", "q")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"groups": {"s": {"base": "resnet50", "arms": {"r": {}}}}},
            "groups: 's' is the name of the group of",
        ),
        ({"groups": {}, "arms": {}, "base": None}, "a study needs `groups`, or `base` and `arms`"),
        ({"groups": {"g": {"base": "resnet50", "arms": {"r": {}}}}, "base": None}, "`base` is missing"),
    ],
)
def test_groups_and_own_arms_that_do_not_go_together_are_refused(
    study_file: StudyFile, content: dict, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        parse(study_file(**content))


@pytest.mark.parametrize("name", ["vit_comparison", "lite_comparison", "cifar_transfer", "structures"])
def test_a_shipped_study_can_be_extended_by_arms(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"study: mine\nextends: {name}\narms: {{mine: {{backbone.depth: 3}}}}\n")
    assert ("mine", "mine") in [arm.key for arm in parse(path).arms]
