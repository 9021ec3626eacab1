"""The `search:` block of a study file: what it says, what wins over it, and what is refused with file and line."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from searches import SPACE

from searchspace.expand import SpecError
from studies.api.search_settings import asked
from studies.language.resolve import load_study
from studies.language.search_file import load_search

KNOBS = SPACE["knobs"]


def written(folder: Path, search: dict[str, Any], **study: Any) -> str:
    path = folder / "s.yaml"
    content = {"study": "s", "base": "t2t_vit_14", "scale": "digits"} | study | {"search": search}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)


def test_a_block_says_what_options_say(tmp_path: Path) -> None:
    block = {"space": "digits_small", "max_params": "10M", "trials": 7, "sampler": "nsga2", "objectives": "top1"}
    what = asked(written(tmp_path, block), {})
    same = asked("t2t_vit_14", block | {"scale": "digits", "name": "s"})
    assert what.definition.plain() == same.definition.plain()
    assert (what.name, what.settings.trials, what.definition.budget.max_params) == ("s", 7, 10**7)


def test_options_win_over_a_block(tmp_path: Path) -> None:
    path = written(tmp_path, {"space": "digits_small", "max_params": "10M", "trials": 7, "seed": 3})
    what = asked(path, {"trials": 9, "max_params": 9 * 10**6, "name": "mine", "seed": None})
    assert (what.name, what.settings.trials, what.definition.seed) == ("mine", 9, 3)
    assert what.definition.budget.max_params == 9 * 10**6


def test_knobs_in_place_are_a_space_with_the_studys_name_and_base(tmp_path: Path) -> None:
    what = asked(written(tmp_path, {"space": {"knobs": KNOBS}}), {})
    assert (what.definition.space.name, what.definition.base) == ("s", "t2t_vit_14")
    other = asked(written(tmp_path, {"space": {"knobs": KNOBS}, "base": "t2t_vit_19"}), {})
    assert other.definition.space.base == "t2t_vit_19"


def test_files_are_found_beside_the_study_file(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    what = asked(written(tmp_path, {"space": "space.yaml", "scale": "tiny.yaml"}), {})
    assert (what.definition.space.name, what.definition.scale.scale) == ("small", "tiny")


def test_a_search_may_stand_beside_arms(tmp_path: Path) -> None:
    path = written(tmp_path, {"space": "digits_small"}, arms={"a": {}, "b": {"backbone.depth": 8}})
    study, search = load_study(path), load_search(path)
    assert len(study.arms) == 2 and study.searches
    assert search and search.arms


def test_a_file_without_a_search_has_none(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    assert load_search(tmp_path / "space.yaml") is None
    assert load_search("t2t_vit_14") is None


@pytest.mark.parametrize(
    ("block", "line", "word"),
    [
        ({"trails": 3}, 5, "unknown field; did you mean trials"),
        ({"trials": 0}, 5, "a whole number from 1 to 100000, got 0"),
        ({"trials": True}, 5, "a whole number"),
        ({"max_macs": "many"}, 5, "which may end in k, M or G"),
        ({"max_macs": 2.5}, 5, "a whole number"),
        ({"sampler": "tpa"}, 5, "unknown sampler 'tpa'; did you mean tpe"),
        ({"objectives": ["top1", "latncy"]}, 5, "unknown objective 'latncy'"),
        ({"objectives": ["macs"]}, 5, "one of the objectives must be top1"),
        ({"seed": 0, "space": "digits_smal"}, 6, "unknown space 'digits_smal'; did you mean digits_small"),
        ({"seed": 0, "space": "mine.yaml"}, 6, "no such file"),
        ({"seed": 0, "space": {"knobs": {"backbone.dept": [1]}}}, 8, "backbone.dept"),
        ({"seed": 0, "space": {"knobz": {}}}, 7, "knobz"),
        ({"seed": 0, "scale": "digit"}, 6, "unknown scale 'digit'"),
        ({"seed": 0, "base": "t2t_vit"}, 6, "did you mean t2t_vit"),
        ({"seed": 0, "validation": 0.00001}, 6, "leaves none for validation"),
        ({"seed": 0, "name": "a/b"}, 6, "letters, digits"),
        ({"space": "digits_small", "max_macs": 10}, 6, "max_macs 10 excludes every model"),
        ({"space": "digits_small", "max_macs": 10, "min_macs": 20}, 6, "min_macs must be at most max_macs"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_block_is_named_with_file_and_line(
    tmp_path: Path, block: dict[str, Any], line: int, word: str
) -> None:
    path = written(tmp_path, block)
    with pytest.raises(SpecError) as error:
        asked(path, {})
    text = str(error.value)
    assert text.startswith(f"{path}:{line}: ") and word in text, text
    assert "\n" not in text


def test_an_option_that_is_wrong_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {"space": "digits_small"})
    with pytest.raises(SpecError, match=r"^unknown scale 'digit'"):
        asked(path, {"scale": "digit"})


def test_a_search_without_anything_to_search_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("study: s\nsearch: {trials: 3}\n")
    with pytest.raises(SpecError, match=r"s.yaml:2: `base`, a preset, or `space` says what is searched"):
        asked(str(tmp_path / "s.yaml"), {})


def test_a_study_of_a_search_alone_says_which_command_runs_it(tmp_path: Path) -> None:
    path = written(tmp_path, {"space": "digits_small"})
    with pytest.raises(SpecError, match=r"s.yaml:4: s has a search and no arms: `studies search` runs it"):
        load_study(path)
