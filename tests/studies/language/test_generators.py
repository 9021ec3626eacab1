import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from searchspace.expand import SpecError, override
from searchspace.presets import preset
from studies.api.search_settings import asked
from studies.language.expansion import at_scale, trials
from studies.language.generators import Generators, Range, Sample, generate
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale
from studies.language.search_file import load_search
from studies.language.study import Study

StudyFile = Callable[..., Path]
BASE = preset("t2t_vit_14")


def study_of(tmp_path: Path, **content: object) -> Study:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump({"study": "s", "base": "t2t_vit_14"} | content, sort_keys=False))
    return parse(path)


def models(study: Study) -> dict[str, object]:
    return {arm.name: arm.model for arm in study.arms}


def test_ablate_changes_one_part_at_a_time_after_the_base(tmp_path: Path) -> None:
    ablate = {"tokenizer.mixer": ["transformer", "none"], "backbone.position": "none"}
    study = study_of(tmp_path, ablate=ablate)
    assert models(study) == {
        "base": BASE,
        "mixer=transformer": override(BASE, {"tokenizer.mixer": "transformer"}),
        "mixer=none": override(BASE, {"tokenizer.mixer": "none"}),
        "position=none": override(BASE, {"backbone.position": "none"}),
    }
    assert [arm.name for arm in study.arms if arm.baseline] == ["base"]


def test_add_one_takes_all_away_and_gives_back_one_at_a_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, add_one={"tokenizer.mixer": "none", "backbone.position": "none"})
    assert models(study) == {
        "stripped": override(BASE, {"tokenizer.mixer": "none", "backbone.position": "none"}),
        "stripped + mixer": override(BASE, {"backbone.position": "none"}),
        "stripped + position": override(BASE, {"tokenizer.mixer": "none"}),
    }
    assert [arm.name for arm in study.arms if arm.baseline] == ["stripped"]


def test_grid_is_every_combination_less_the_excluded(tmp_path: Path) -> None:
    grid = {"tokenizer.mixer": ["performer", "none"], "backbone.depth": [7, 14]}
    study = study_of(tmp_path, grid=grid, exclude=[{"tokenizer.mixer": "performer", "backbone.depth": 14}])
    assert list(models(study)) == ["base", "mixer=performer, depth=7", "mixer=none, depth=7", "mixer=none, depth=14"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"exclude": [{"backbone.depth": 3}]}, 8),
        ({"exclude": [{"backbone.depth": 2}, {"backbone.depth": 5}]}, 9),
        ({"exclude": [{}]}, 8),
        ({"exclude": [{"backbone.depth": "2"}]}, 8),
    ],
)
def test_an_exclude_that_matches_nothing_is_named_with_its_place(tmp_path: Path, content: dict, line: int) -> None:
    with pytest.raises(SpecError) as error:
        study_of(tmp_path, grid={"backbone.depth": [2, 4]}, **content)
    text = str(error.value)
    excluded = content["exclude"][-1]
    path = tmp_path / "s.yaml"
    assert text == f"{path}:{line}: exclude: {excluded} matches no generated arm; remove or mend it", path.read_text()


@pytest.mark.parametrize("more", [{}, {"sample": {"n": 1, "fields": {"backbone.num_heads": [6]}}}])
def test_an_exclude_of_a_field_that_no_generator_has_is_refused_beside_a_sample_too(tmp_path: Path, more: dict) -> None:
    excluded = [{"backbone.depth": 2}, {"backbone.depth": 2, "backbone.dept": 4}]
    with pytest.raises(SpecError) as error:
        study_of(tmp_path, grid={"backbone.depth": [2, 4]}, exclude=excluded, **more)
    text = "exclude: no generator has the field 'backbone.dept'; did you mean backbone.depth"
    assert str(error.value).startswith(f"{tmp_path / 's.yaml'}:")
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"grid": {"backbone.depth": []}}, ":3: grid: at least one value for each field, got none for backbone.depth"),
        (
            {"zip": {"backbone.depth": [1], "backbone.num_heads": [1, 2]}},
            ":3: zip: every list must have the same length",
        ),
        ({"arms": {"a": {"techer": "b"}}}, ":5: a: unknown field 'techer'; did you mean teacher"),
        ({"arms": {"a": {"teacher": {"arm": "b", "knd": "soft"}}}}, "knd: unknown field; did you mean kind?"),
        ({"arms": {"a": None}, "seeds": True}, "seeds: how many (1 to 1000), or a list of whole numbers"),
        ({"arms": {"a": None}, "extends": "nothere.yaml"}, ":5: extends: no such file: "),
    ],
)
def test_what_is_wrong_is_said_at_its_line(tmp_path: Path, content: dict, message: str) -> None:
    with pytest.raises(SpecError) as error:
        study_of(tmp_path, **content)
    assert message in str(error.value)


def test_a_misspelt_group_of_a_study_that_is_extended_has_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("study: s\nextends: cnn_to_vit\ngroups:\n  CNN to VIT: {arms: {x: {backbone.depth: 2}}}\n")
    with pytest.raises(
        SpecError, match=r"s.yaml:4: groups: cnn_to_vit has no group 'CNN to VIT'.*did you mean CNN to ViT"
    ):
        parse(path)


def test_an_exclude_is_of_the_generators_of_its_own_group(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "study: s\ngroups:\n  one:\n    base: t2t_vit_14\n    ablate: {backbone.depth: [2, 4]}\n"
        "  two:\n    base: t2t_vit_14\n    arms: {a: {backbone.depth: 2}}\n"
        "    exclude:\n    - {backbone.depth: 2}\n"
    )
    with pytest.raises(SpecError, match=r"s.yaml:10: exclude: no generator has the field"):
        parse(path)  # an arm by hand is not generated, nor is that of the other group


def test_an_exclude_beside_a_sample_may_match_nothing(tmp_path: Path) -> None:
    sample = {"n": 2, "fields": {"backbone.depth": {"low": 1, "high": 16}}}
    assert len(study_of(tmp_path, sample=sample, exclude=[{"backbone.depth": 99}]).arms) == 3


def test_every_exclude_that_matches_something_is_taken(tmp_path: Path) -> None:
    crossed = {"backbone.embed_dim": [384, 448], "backbone.num_heads": [6, 7]}
    wrong = [{"backbone.embed_dim": 384, "backbone.num_heads": 7}, {"backbone.embed_dim": 448, "backbone.num_heads": 6}]
    again = [*wrong, {"backbone.num_heads": 7}]  # overlaps with the first, and matches what cannot be built
    assert list(models(study_of(tmp_path, grid=crossed, exclude=again))) == ["base", "embed_dim=384, num_heads=6"]


def test_zip_pairs_values_that_would_not_work_crossed(tmp_path: Path) -> None:
    study = study_of(tmp_path, zip={"backbone.embed_dim": [256, 448], "backbone.num_heads": [4, 7]})
    assert list(models(study)) == ["base", "embed_dim=256, num_heads=4", "embed_dim=448, num_heads=7"]


def test_exclude_comes_before_the_check(tmp_path: Path) -> None:
    grid = {"backbone.embed_dim": [384, 448], "backbone.num_heads": [6, 7]}
    with pytest.raises(SpecError, match=r"s.yaml:3: grid: embed_dim=384, num_heads=7: .*num_heads must divide"):
        study_of(tmp_path, grid=grid)
    crossed = [{"backbone.embed_dim": dim, "backbone.num_heads": heads} for dim, heads in ((384, 7), (448, 6))]
    assert len(study_of(tmp_path, grid=grid, exclude=crossed).arms) == 3  # the base, itself again, and 448 with 7


def test_samples_are_seeded_different_and_can_be_built(tmp_path: Path) -> None:
    fields = {"backbone.num_heads": {"low": 1, "high": 16}, "tokenizer.mixer": ["performer", "none"]}
    first = study_of(tmp_path, sample={"n": 5, "seed": 3, "fields": fields})
    again = study_of(tmp_path, sample={"n": 5, "seed": 3, "fields": fields})
    other = study_of(tmp_path, sample={"n": 5, "seed": 4, "fields": fields})
    assert models(first) == models(again) != models(other)
    assert len(first.arms) == 6


def test_named_arms_stand_before_generated_ones_and_keep_the_baseline(tmp_path: Path) -> None:
    study = study_of(tmp_path, arms={"whole": {}}, ablate={"backbone.depth": 7})
    assert [(arm.name, arm.baseline) for arm in study.arms] == [("whole", True), ("depth=7", False)]


def test_a_study_extends_another_by_names(tmp_path: Path, study_file: StudyFile) -> None:
    study_file(seeds=5, question="parent")
    child = tmp_path / "child.yaml"
    child.write_text("study: child\nextends: s.yaml\narms: {c: {backbone.depth: 2}, b: {backbone.depth: 3}}\n")
    study = parse(child)
    assert study.name == "child"
    assert study.seeds == (0, 1, 2, 3, 4)
    assert [arm.name for arm in study.arms] == ["a", "b", "c"]
    assert study.arms[1].model == override(BASE, {"backbone.depth": 3})


def test_a_study_that_extends_one_of_the_catalog_is_not_its_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    more = "groups:\n  CNN to ViT:\n    arms: {ViT-Half: {backbone.depth: 4}}\n"
    path.write_text(f"study: mine\nextends: cnn_to_vit\n{more}")
    study = parse(path)
    assert study.table is None
    assert len(study.arms) == len(load_study("cnn_to_vit").arms) + 1
    assert next(arm.group for arm in study.arms if arm.name == "ViT-Half") == "CNN to ViT"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ablate": {"backbone.dept": 3}}, r"s.yaml:4: ablate: dept=3: unknown field 'backbone.dept'; did you mean"),
        ({"zip": {"backbone.depth": [1, 2], "backbone.num_heads": [1]}}, r"zip: every list must have the same length"),
        ({"add_one": {"backbone.depth": [1, 2]}}, r"add_one: one value for each field"),
        ({"sample": {"n": 9, "fields": {"backbone.depth": [1, 2]}}}, r"sample: only 2 of 9 different arms"),
        ({"sample": {"n": 1, "fields": {"backbone.depth": {"low": 3, "high": 1}}}}, r"low must be at most high"),
        ({"sample": {"n": 1, "fields": {"backbone.dep": [1]}}}, r"unknown field 'backbone.dep'"),
        ({"ablate": {"backbone.depth": 7}, "exclude": [{"backbone.depth": 7}]}, r"nothing is left"),
        ({"arms": {"depth=7": {}}, "ablate": {"backbone.depth": 7}}, r"depth=7: two arms have this name"),
        ({"abblate": {"backbone.depth": 7}}, r"unknown field; did you mean ablate"),
        ({}, r"needs at least one of `arms`, or a generator"),
        ({"extends": "s.yaml"}, r"s.yaml:3: a study cannot extend itself: s.yaml extends s.yaml"),
        ({"extends": "cnn_to_vti"}, r"unknown study 'cnn_to_vti'; did you mean cnn_to_vit"),
        ({"extends": "none.yaml"}, r"no such file: .*none.yaml"),
    ],
)
def test_a_generator_that_does_not_work_is_one_line_with_its_place(tmp_path: Path, content: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message) as error:
        study_of(tmp_path, **content)
    assert "\n" not in str(error.value)


@given(st.integers(1, 50), st.integers(0, 50), st.booleans(), st.integers(0, 5))
def test_a_range_draws_within_its_bounds(low: int, width: int, log: bool, seed: int) -> None:
    import random

    drawn = Range(low=low, high=low + width, log=log).draw(random.Random(seed))
    assert isinstance(drawn, int)
    assert low <= drawn <= low + width


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True)))
def test_a_grid_has_as_many_arms_as_the_product_says(grid: dict[str, list[int]]) -> None:
    made = list(generate(Generators(grid=grid), lambda _: True))
    size = 1
    for values in grid.values():
        size *= len(values)
    assert len({arm.name for arm in made}) == len(made) == (size if grid else 0)


def test_a_sample_never_draws_what_is_excluded() -> None:
    sample = Sample(n=3, fields={"a": [1, 2, 3, 4]})
    made = list(generate(Generators(sample=sample, exclude=[{"a": 4}]), lambda _: True))
    assert sorted(arm.overrides["a"] for arm in made) == [1, 2, 3]


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[3] / "examples").glob("*.yaml")), ids=lambda p: p.name)
def test_every_example_loads_under_its_own_name(path: Path) -> None:
    search = load_search(path)
    if search and not search.arms:
        what = asked(str(path), {})
        assert what.name == path.stem
        assert what.candidates.at(what.candidates.feasible.sample(random.Random(0)))
        return
    study = load_study(str(path))
    assert study.name == path.stem
    assert len(study.arms) >= 4


# ---- names


@pytest.mark.parametrize("name", ["../evil", "a/b", "/etc", ".hidden", "a b", "a\nb", "", "-x"])
def test_the_name_of_a_study_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError) as error:
        study_of(tmp_path, study=name, arms={"a": {}})
    text = str(error.value)
    assert text.startswith(f"{tmp_path / 's.yaml'}:1: study: ")
    assert repr(name) in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "name", ["two\nlines", "carriage\rreturn", "bell\a", "\x1b[31mred", "tab\t", "", " ", "\u2028", "\x7f"]
)
def test_the_name_of_an_arm_is_one_line_of_text(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError) as error:
        study_of(tmp_path, arms={"fine": {}, name: {"backbone.depth": 2}})
    text = str(error.value)
    assert text == f"{tmp_path / 's.yaml'}:5: the name of an arm is one line of text, got {name!r}"


def test_an_arm_may_be_named_like_a_path_and_is_none(tmp_path: Path) -> None:
    names = ["ViT-S/16", "../../evil", "/etc/passwd", "a\\b", "größer | schöner, 10 %"]
    arms = {name: {"backbone.depth": 4 * (i + 1)} for i, name in enumerate(names)}
    study, plain = (
        study_of(tmp_path, arms=arms),
        study_of(tmp_path, arms=dict(zip("abcde", arms.values(), strict=True))),
    )
    assert [arm.name for arm in study.arms] == names
    assert [arm.name for arm in study.select(["../*"])] == ["../../evil"]
    scale = load_scale("digits")
    ids = [[trial.id for _, trial in trials(at_scale(made, scale), (0,))] for made in (study, plain)]
    assert ids[0] == ids[1]
    assert all(re.fullmatch("[0-9a-f]{16}", trial_id) for trial_id in ids[0]), "what folders are named by"
