"""Arms that need other arms: a teacher, or weights to start with."""

import random
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml
from chains import BASE, CHAIN, DIGITS, SHALLOW
from hypothesis import given, settings
from hypothesis import strategies as st
from support import StudyFile

from searchspace.expand import SpecError
from studies.language.expansion import at_scale, trials
from studies.language.resolve import parse
from studies.language.study import Arm, Key, Study
from studies.trials.trial import Distillation, TrialSpec


def grouped(study_file: StudyFile, **groups: dict) -> Path:
    """A study of groups, each with its arms over one base."""
    path = study_file()
    made = {name: {"base": "t2t_vit_7", "arms": arms} for name, arms in groups.items()}
    path.write_text(yaml.safe_dump({"study": "s", "groups": made}, sort_keys=False))
    return path


def by_name(study: Study, seed: int = 0) -> dict[str, TrialSpec]:
    """The trials of a study at scale digits, by the names of their arms."""
    return {arm.name: trial for arm, trial in trials(at_scale(study, DIGITS), (seed,))}


def needs(study: Study) -> dict[Key, list[Key]]:
    return {arm.key: arm.needs for arm in study.arms}


# ---- who is meant


def test_an_arm_of_the_own_group_is_meant_before_one_of_that_name_elsewhere(study_file: StudyFile) -> None:
    path = grouped(study_file, one={"a": {}, "b": {"teacher": "a"}}, two={"a": {}, "c": {"pretrained": "a"}})
    found = needs(parse(path))
    assert found["one", "b"] == [("one", "a")]
    assert found["two", "c"] == [("two", "a")]
    assert found["one", "a"] == found["two", "a"] == []


def test_else_the_only_arm_of_that_name_is_meant_even_one_that_comes_later(study_file: StudyFile) -> None:
    path = grouped(study_file, one={"b": {"teacher": "a", "pretrained": "d"}}, two={"a": {}}, three={"d": {}})
    assert needs(parse(path))["one", "b"] == [("two", "a"), ("three", "d")]


def test_a_generated_arm_can_teach(study_file: StudyFile) -> None:
    study = parse(study_file(arms={"b": {"teacher": "depth=7"}}, ablate={"backbone.depth": 7}))
    assert needs(study)["s", "b"] == [("s", "depth=7")]


def test_an_arm_of_the_study_that_is_extended_can_be_needed(study_file: StudyFile, tmp_path: Path) -> None:
    study_file()
    child = tmp_path / "child.yaml"
    child.write_text("study: child\nextends: s.yaml\narms: {c: {teacher: b}}\n")
    assert needs(parse(child))["child", "c"] == [("child", "b")]


def test_a_name_alone_teaches_hard_labels_and_a_mapping_says_how(study_file: StudyFile) -> None:
    how = {"arm": "a", "kind": "soft", "alpha": 0.9, "tau": 3}
    study = parse(study_file(arms={"a": {}, "b": {"teacher": "a"}, "c": {"teacher": how, **SHALLOW}}))
    key = ("s", "a")
    assert [arm.teacher for arm in study.arms] == [
        None,
        (key, Distillation(kind="hard", alpha=0.5, tau=1.0)),
        (key, Distillation(kind="soft", alpha=0.9, tau=3.0)),
    ]
    assert study.arms[1].model == study.arms[0].model, "who teaches is no part of the model"
    assert study.arms[2].model.backbone.depth == 4


@pytest.mark.parametrize(
    ("arms", "line", "message"),
    [
        ({"wide": {}, "b": {"teacher": "wid"}}, 6, "b: teacher: 'wid' is no arm of this study; did you mean wide?"),
        ({"wide": {}, "b": {"pretrained": "wdie"}}, 6, "b: pretrained: 'wdie' is no arm of this study; did you mean"),
        ({"a": {}, "b": {**SHALLOW, "teacher": {"arm": "x"}}}, 7, "b: teacher: 'x' is no arm of this study; known: a"),
        ({"a": {}, "b": {"teacher": {"arm": "a", "alhpa": 0.3}}}, 6, "teacher: alhpa: unknown field"),
        ({"a": {}, "b": {"teacher": {"arm": "a", "kind": "firm"}}}, 6, "teacher: kind: Input should be 'hard' or"),
        ({"a": {}, "b": {"teacher": {"arm": "a", "alpha": 0}}}, 6, "teacher: alpha: "),
        ({"a": {}, "b": {"teacher": {"arm": "a", "alpha": 1.01}}}, 6, "teacher: alpha: "),
        ({"a": {}, "b": {"teacher": {"arm": "a", "tau": 0}}}, 6, "teacher: tau: "),
        ({"a": {}, "b": {"teacher": {"kind": "soft"}}}, 6, "teacher: one of `arm` and `file` says"),
        ({"a": {}, "b": {"teacher": ["a"]}}, 6, "teacher: "),
        ({"a": {}, "b": {"pretrained": 3}}, 6, "pretrained: the name of an arm, or a mapping, got 3"),
        ({"a": {}, "b": {"pretrained": {"amr": "a"}}}, 6, "pretrained: amr: unknown field; did you mean arm"),
        ({"a": {"teacher": "a"}}, 5, "arms cannot need each other in a circle: a needs a"),
        ({"a": {"pretrained": "b"}, "b": {"teacher": "a"}}, 5, "in a circle: a needs b needs a"),
        (
            {"free": {}, "a": {"pretrained": "b"}, "b": {"teacher": "c"}, "c": {"pretrained": "a"}},
            6,
            "in a circle: a needs b needs c needs a",
        ),
    ],
)
def test_a_need_that_cannot_be_met_is_one_line_with_its_place(
    study_file: StudyFile, arms: dict, line: int, message: str
) -> None:
    path = study_file(base="t2t_vit_7", arms=arms)
    with pytest.raises(SpecError) as error:
        parse(path)
    text = str(error.value)
    assert text.startswith(f"{path}:{line}: "), f"{text}\n{path.read_text()}"
    assert message in text
    assert "\n" not in text


def test_a_name_that_several_groups_have_is_refused_with_the_groups(study_file: StudyFile) -> None:
    path = grouped(study_file, one={"a": {}}, two={"a": {}}, three={"b": {"teacher": "a"}})
    with pytest.raises(SpecError) as error:
        parse(path)
    text = str(error.value)
    line = path.read_text().splitlines().index("        teacher: a") + 1
    assert text == f"{path}:{line}: b: teacher: 'a' is more than one arm; it is in the groups one, two"


def test_a_circle_through_groups_is_found(study_file: StudyFile) -> None:
    path = grouped(study_file, one={"a": {"teacher": "b"}}, two={"b": {"pretrained": "a"}})
    with pytest.raises(SpecError, match=r"s.yaml:\d+: arms cannot need each other in a circle: a needs b needs a"):
        parse(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_needs_are_refused_just_if_they_go_in_a_circle(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    names = "abcde"[: data.draw(st.integers(1, 5))]
    other = st.one_of(st.none(), st.sampled_from(names))
    said = {name: {"teacher": data.draw(other), "pretrained": data.draw(other)} for name in names}
    arms = {name: {kind: need for kind, need in entry.items() if need} for name, entry in said.items()}
    path = tmp_path_factory.getbasetemp() / "circles.yaml"
    path.write_text(yaml.safe_dump({"study": "s", "base": "t2t_vit_7", "arms": arms}, sort_keys=False))
    try:
        TopologicalSorter({name: set(entry.values()) for name, entry in arms.items()}).prepare()
    except CycleError:
        with pytest.raises(SpecError, match="in a circle"):
            parse(path)
    else:
        assert {key[1]: {need[1] for need in found} for key, found in needs(parse(path)).items()} == {
            name: set(entry.values()) for name, entry in arms.items()
        }


# ---- the trials that follow


def test_a_trial_names_those_of_its_own_seed_that_it_needs(study_file: StudyFile) -> None:
    study = parse(study_file(arms=CHAIN))
    for seed in (0, 3):
        made = by_name(study, seed)
        assert made["b"].teacher is not None
        assert made["b"].teacher.trial == made["a"].id
        assert made["c"].pretrained == made["b"].id
        assert made["b"].needs == [made["a"].id]
        assert made["c"].needs == [made["b"].id]
        assert {trial.seed for trial in made.values()} == {seed}
    assert by_name(study, 0)["b"].id != by_name(study, 3)["b"].id


def test_a_trial_that_starts_from_its_teacher_needs_one_trial(study_file: StudyFile) -> None:
    made = by_name(parse(study_file(arms={"a": {}, "b": {"teacher": "a", "pretrained": "a"}})))
    assert made["b"].needs == [made["a"].id]


def test_an_id_changes_with_the_model_of_all_that_it_comes_from(study_file: StudyFile) -> None:
    before = by_name(parse(study_file(arms=CHAIN)))
    after = by_name(parse(study_file(arms=CHAIN | {"a": {"backbone.depth": 20}})))
    assert [name for name in CHAIN if before[name].id != after[name].id] == ["a", "b", "c"]
    assert before["c"].model == after["c"].model


def test_an_id_changes_with_how_it_is_taught(study_file: StudyFile) -> None:
    ways: list[dict] = [
        {},
        {"teacher": "a"},
        {"pretrained": "a"},
        {"teacher": "a", "pretrained": "a"},
        {"teacher": {"arm": "a", "kind": "soft"}},
        {"teacher": {"arm": "a", "alpha": 0.6}},
        {"teacher": {"arm": "a", "kind": "soft", "tau": 2}},
    ]
    arms = {"a": SHALLOW} | {f"b{i}": way for i, way in enumerate(ways)}
    ids = {trial.id for trial in by_name(parse(study_file(arms=arms))).values()}
    assert len(ids) == len(arms)
    same = by_name(parse(study_file(arms={"a": {}, "b": {"teacher": "a"}, "c": {"teacher": {"arm": "a"}}})))
    assert same["b"].id == same["c"].id


def test_an_arm_without_needs_has_the_id_that_it_has_without_the_others(study_file: StudyFile) -> None:
    among = by_name(parse(study_file(arms=CHAIN)))
    alone = by_name(parse(study_file(arms={"x": {}, "y": SHALLOW})))
    assert (among["a"].id, among["alone"].id) == (alone["x"].id, alone["y"].id)
    assert among["a"].needs == among["alone"].needs == []


@st.composite
def families(draw) -> list[Arm]:
    """Arms that need only arms before them, no two of one model."""
    arms: list[Arm] = []
    for i in range(draw(st.integers(1, 6))):
        earlier = st.one_of(st.none(), st.sampled_from(arms)) if arms else st.none()
        teacher, pretrained = draw(earlier), draw(earlier)
        model = BASE.model_copy(update={"backbone": BASE.backbone.model_copy(update={"depth": 4 * (i + 1)})})
        taught = teacher and (teacher.key, Distillation())
        arms.append(Arm("g", f"{i}", model, i == 0, False, teacher=taught, pretrained=pretrained and pretrained.key))
    return arms


def study_of(arms: list[Arm]) -> Study:
    return Study("s", "", "", None, "digits", (0,), tuple(arms), {"g": "t2t_vit_7"})


@settings(max_examples=50, deadline=None)
@given(families(), st.randoms(use_true_random=False))
def test_the_order_of_the_arms_changes_no_id_and_all_needs_are_planned(arms: list[Arm], source: random.Random) -> None:
    made = by_name(study_of(arms))
    shuffled = source.sample(arms, len(arms))
    assert {name: trial.id for name, trial in by_name(study_of(shuffled)).items()} == {
        name: trial.id for name, trial in made.items()
    }
    for arm in arms:
        assert made[arm.name].needs == list(dict.fromkeys(made[name].id for _, name in arm.needs))
    assert len({trial.id for trial in made.values()}) == len(arms)


# ---- what is chosen


@settings(max_examples=50, deadline=None)
@given(families(), st.data())
def test_a_choice_is_what_was_asked_for_and_all_that_it_needs_and_no_more(arms: list[Arm], data) -> None:
    study = study_of(arms)
    asked = data.draw(st.lists(st.sampled_from([arm.name for arm in arms]), min_size=1, unique=True))
    wanted = set(asked)
    for arm in reversed(arms):  # needs are always before
        if arm.name in wanted:
            wanted |= {name for _, name in arm.needs}
    chosen = [arm.name for arm in study.select(asked)]
    assert chosen == [arm.name for arm in arms if arm.name in wanted]
    items = [item for item in at_scale(study, DIGITS) if item.arm.name in chosen]
    assert [arm.name for arm, _ in trials(items, (0,))] == chosen


def test_an_optional_arm_is_trained_where_another_one_needs_it(study_file: StudyFile) -> None:
    path = grouped(study_file, teachers={"big": {}, "bigger": {}}, students={"plain": {}, "taught": {"teacher": "big"}})
    content = yaml.safe_load(path.read_text())
    content["groups"]["teachers"]["optional"] = True
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    study = parse(path)
    assert [arm.name for arm in study.select()] == ["big", "plain", "taught"]
    assert [arm.name for arm in study.select(["plain"])] == ["plain"]
    assert [arm.name for arm in study.select(["taught"])] == ["big", "taught"]
    assert len(study.select(everything=True)) == 4


# ---- what cannot be had at a scale


def test_an_arm_whose_parent_cannot_be_had_at_a_scale_is_refused_with_the_reason(study_file: StudyFile) -> None:
    arms = {"grandchild": {"pretrained": "child"}, "child": {"teacher": "big"}, "big": {"base": "alexnet"}, "alone": {}}
    study = parse(study_file(arms=arms))
    scaled = {item.arm.name: item for item in at_scale(study, DIGITS)}
    assert list(scaled) == list(arms), "the order stays"
    why = scaled["big"].refusal
    assert "at least 63 pixels" in why
    assert scaled["child"].refusal == f"it needs big: {why}"
    assert scaled["grandchild"].refusal == f"it needs child: it needs big: {why}"
    assert [name for name, item in scaled.items() if item.model is not None] == ["alone"]
    assert list(by_name(study)) == ["alone"]
