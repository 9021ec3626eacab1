"""Which studies have a matrix of parts, and which have effects; and what a report shows of them."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from stored import result
from support import StudyFile

import studies
from reports.effects import Design
from reports.matrix import TICK
from searchspace.expand import SpecError
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study, parse
from studies.language.scale_file import load_scale
from studies.reporting.analyses import fitting
from studies.reporting.designs import designs
from studies.reporting.page import page_of
from studies.reporting.parts import parts
from studies.reporting.tables import contents
from studies.store.store import Store

DIGITS = load_scale("digits")
EXAMPLES = Path(__file__).parents[3] / "examples"
GATE, MIXER = "backbone.channel_attention", "tokenizer.mixer"
GRID = {"grid": {MIXER: ["transformer", "none", "performer"], GATE: ["none", "squeeze_excite"]}, "arms": {}}


def designs_of(path: Path) -> list[Design]:
    return designs(at_scale(parse(path), DIGITS))


def finished(path: Path, root: Path, seeds: tuple[int, ...] = (0, 1, 2), without: str = "") -> Store:
    """Every arm done but one; a gate is worth 3 points."""
    store = Store(root)
    store.prepare()
    for arm, trial in trials(at_scale(load_study(str(path)), DIGITS), seeds):
        if arm.name != without:
            store.plan(trial)
            gated = arm.model.backbone.channel_attention != "none"  # type: ignore[union-attr]
            made = result(80.0 + 3 * gated + 0.05 * trial.seed)
            made["history"][-1]["test_pictures"] = 8192
            store.finish(trial.id, made, b"weights")
    return store


def test_a_grid_is_its_arms_and_the_base_that_is_left_out_of_it(study_file: StudyFile) -> None:
    content = yaml.safe_load((EXAMPLES / "tokenizer_by_gate_by_depth.yaml").read_text())
    content["match"] = None  # which counts every model
    (found,) = designs_of(study_file(**content | {"arms": {}}))
    assert {name: list(levels) for name, levels in found.factors.items()} == {
        MIXER: ["performer", "transformer", "none"],
        GATE: ["none", "squeeze_excite"],
        "backbone.depth": ["14", "11"],
    }, "the baseline's level is the first"
    assert set(found.cells) == set(found.all_cells())
    assert found.cells["performer", "none", "14"] == "base"
    assert found.cells["none", "squeeze_excite", "11"] == "none, squeeze_excite, 11 deep"


def test_an_arm_that_differs_in_more_than_the_factors_is_no_cell(study_file: StudyFile) -> None:
    arms = {"whole": {}, "deep": {"backbone.depth": 20}, "long": {"recipe.epochs": 9}}
    (found,) = designs_of(study_file(**GRID | {"arms": arms}))
    assert set(found.cells) == set(found.all_cells())
    assert found.cells["performer", "none"] == "whole", "the baseline stands for the arm that is one with it"
    assert not {"deep", "long"} & set(found.cells.values())


def test_excluded_combinations_are_no_cells(study_file: StudyFile) -> None:
    gone = {MIXER: "none", GATE: "squeeze_excite"}
    (found,) = designs_of(study_file(**GRID | {"exclude": [gone]}))
    assert set(found.all_cells()) - set(found.cells) == {("none", "squeeze_excite")}


def test_fields_of_the_recipe_are_factors_too(study_file: StudyFile) -> None:
    grid = {"recipe.lr": [0.001, 0.002], "backbone.depth": [14, 8]}
    (found,) = designs_of(study_file(grid=grid, arms={}))
    assert found.factors == {"recipe.lr": ["0.002", "0.001"], "backbone.depth": ["14", "8"]}, "digits trains at 0.002"
    assert found.cells["0.002", "14"] == "base"


def test_arms_by_hand_that_are_every_combination_of_two_parts_are_factorial(study_file: StudyFile) -> None:
    gate, mixer = {GATE: "squeeze_excite"}, {MIXER: "none"}
    (found,) = designs_of(study_file(arms={"base": {}, "g": gate, "m": mixer, "both": gate | mixer}))
    assert found.cells["squeeze_excite", "none"] == "both"
    assert designs_of(study_file(arms={"base": {}, "g": gate, "m": mixer})) == [], "one at a time"
    assert designs_of(study_file(arms={"base": {}, "g": gate, "m": mixer, "x": {MIXER: "transformer"}})) == []


def test_parts_are_what_arms_say_and_what_they_learn_from() -> None:
    (found,) = parts(at_scale(load_study(str(EXAMPLES / "who_teaches.yaml")), DIGITS))
    values = {arm.name: {name: found.values[arm.key][name] for name in found.names} for arm in found.arms}
    assert found.names == ["base", "teacher", "pretrained", "distilled"]
    assert values["ResNet"] == {"base": "resnet50", "teacher": "none", "pretrained": "none", "distilled": None}
    assert values["softly by ResNet"]["teacher"] == "ResNet (soft, tau 2)"


def test_below_the_table_stands_what_is_asked_for(study_file: StudyFile, tmp_path: Path) -> None:
    path = study_file(**GRID)
    store = finished(path, tmp_path / "runs", without="mixer=none, channel_attention=squeeze_excite")
    plain = studies.report(path, runs_dir=store.root)
    both = studies.report(path, runs_dir=store.root, matrix=True, effects=True)
    assert both.startswith(plain.rstrip("\n"))
    added = both.removeprefix(plain.rstrip("\n"))
    assert TICK in added and f"{GATE} squeeze_excite" in added
    effects = [line.split() for line in added.splitlines() if line.startswith(("mixer ", "channel_attention "))]
    assert ["mixer", "performer", "81.5", "baseline"] in [words[:2] + words[2:4] for words in effects]
    assert "cannot be told" in added
    assert "not trained: mixer=none, channel_attention=squeeze_excite." in added
    for style in ("md", "latex"):
        assert "main effects" in studies.report(path, runs_dir=store.root, effects=True, format=style)


def test_a_page_has_what_fits_the_study(study_file: StudyFile, tmp_path: Path) -> None:
    path = study_file(**GRID)
    made = contents(parse(path), DIGITS, finished(path, tmp_path / "grid"), analyses=None)
    whole = "s: main effects, at scale digits", "s: interactions of two factors, at scale digits"
    assert [section.title for section in made.analyses] == [*whole]
    path = study_file(arms={"base": {}, "g": {GATE: "squeeze_excite"}, "m": {MIXER: "none"}})
    page = page_of(parse(path), DIGITS, finished(path, tmp_path / "one"))
    assert "parts of each arm" in page and TICK in page and "main effects" not in page


def test_a_page_of_a_single_part_or_of_a_table_of_the_paper_has_neither(study_file: StudyFile) -> None:
    for content in (
        {"arms": {"base": {}, "g": {GATE: "squeeze_excite"}}},
        {"grid": {GATE: ["none", "squeeze_excite"]}},
    ):
        study = parse(study_file(**{"arms": {}} | content))
        assert fitting(study, DIGITS, pd.DataFrame({"group": ["s"], "status": ["done"]}), 0.05) == []
    results = pd.DataFrame({"group": ["T2T module"], "status": ["done"]})
    assert fitting(load_study("t2t_ablation"), DIGITS, results, 0.05) == []


@pytest.mark.parametrize(
    ("study", "asked", "said"),
    [
        ("t2t_ablation", {"matrix": True}, "--matrix: for a study of your own; t2t_ablation reproduces table 7"),
        ("plain", {"effects": True}, "--effects: s crosses no factors"),
        ("presets", {"matrix": True}, "--matrix: the arms of s change no field"),
        ("plain", {"matrix": True, "format": "csv"}, "--matrix: for text, md, latex and html; csv has a row a trial"),
        (None, {"effects": True, "claims": True}, "--effects: for a study of your own; leave out --claims"),
    ],
)
def test_a_study_without_that_form_is_refused_in_a_line(
    study: str | None, asked: dict, said: str, study_file: StudyFile, tmp_path: Path
) -> None:
    store = Store(tmp_path / "runs")
    store.prepare()
    files = {"plain": {}, "presets": {"arms": {"ViT": {"base": "vit_s_16"}, "CNN": {"base": "resnet50"}}}}
    named = study_file(**files[study]) if study in files else study
    with pytest.raises(SpecError, match=said) as error:
        studies.report(named, runs_dir=store.root, **asked)
    assert "\n" not in str(error.value)
