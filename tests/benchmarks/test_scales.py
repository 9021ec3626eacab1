"""The benchmark of scales: its figures, its table, and the scales that came of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scales import CHOSEN_BY, JUDGED_BY, agreement, ceiling, kept, printed, scale_file, settings
from studies.language.scale_file import load_scale

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "scales.py"
SHIPPED = {"digits": "plain", "digits_long": "long_warm", "digits_by_width": "long_by_width"}


@pytest.mark.parametrize("name", settings())
def test_every_setting_makes_a_scale(name: str, tmp_path: Path) -> None:
    scale = load_scale(str(scale_file(name, tmp_path)))
    assert scale.scale == name
    for part, changes in settings()[name].items():
        made = getattr(scale, part)
        fields = {name: getattr(made, name) for name in changes} if isinstance(changes, dict) else made
        assert fields == changes


@pytest.mark.parametrize(("scale", "setting"), SHIPPED.items())
def test_what_ships_is_the_setting_that_was_chosen(scale: str, setting: str, tmp_path: Path) -> None:
    shipped, chosen = load_scale(scale), load_scale(str(scale_file(setting, tmp_path)))
    assert (shipped.data, shipped.shrink, shipped.recipe) == (chosen.data, chosen.shrink, chosen.recipe)
    assert shipped.lr_base_width == chosen.lr_base_width


def test_every_row_of_the_table_is_of_a_setting_and_a_part() -> None:
    rows = kept()
    assert set(rows["setting"]) <= set(settings())
    assert set(rows["part"]) <= {*CHOSEN_BY, *JUDGED_BY}
    assert not rows.duplicated(["setting", "part"]).any()
    assert list(rows["models"]) == list(rows["top1"].str.count("="))
    most = rows.groupby("part")["models"].transform("max")
    assert list(rows["tau"].notna()) == list(rows["models"] == most), (
        "a tau of some of the models would be another figure"
    )


def test_nothing_but_what_ships_was_judged() -> None:
    rows = kept()
    assert set(rows[rows["part"].isin(JUDGED_BY)]["setting"]) <= set(SHIPPED.values())


def test_no_model_is_both_chosen_and_judged_by_but_in_another_table() -> None:
    chosen, judged = ({(of.study, of.group) for of in parts.values()} for parts in (CHOSEN_BY, JUDGED_BY))
    assert not chosen & judged


def test_the_papers_accuracies_are_those_that_it_reached_itself() -> None:
    paper = printed((6,))
    assert paper["ViT-S/16"] == 78.1  # table 6
    assert paper["ResNet50"] == 79.1  # table 6, the row trained by the paper's schedule
    assert "AlexNet" not in paper


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=8, unique=True), st.integers(1, 4))
def test_agreement_is_1_with_the_same_order_and_minus_1_with_the_reverse(values: list[int], seeds: int) -> None:
    paper = np.array(values, float)
    same = [np.full(seeds, value) for value in paper]
    found = agreement(paper, same)
    assert found["tau"] == pytest.approx(1)
    assert agreement(paper, [-of for of in same])["tau"] == pytest.approx(-1)
    if seeds == 1:
        assert np.isnan([found[name] for name in ("low", "high", "itself", "true", "most")]).all()
    else:
        assert [found[name] for name in ("low", "high", "itself", "true", "most")] == pytest.approx([1] * 5)


def test_seeds_that_disagree_widen_the_interval_and_raise_the_true_tau() -> None:
    paper = np.array([1.0, 2.0, 3.0, 4.0])
    ours = [np.array(of) for of in ([1.0, 2.0], [1.5, 2.2], [3.0, 2.5], [4.0, 3.5])]
    found = agreement(paper, ours)
    assert found["tau"] == pytest.approx(1)
    assert found["low"] < found["high"] <= 1
    assert 0 < found["itself"] <= 1


def test_near_ties_and_noise_lower_the_most_that_can_be_reached() -> None:
    apart, close = np.array([70.0, 75.0, 80.0]), np.array([70.0, 79.9, 80.0])
    assert ceiling(apart, 0.5, 3) == pytest.approx(1, abs=0.001)
    # Two of three pairs are always right, the third in half of the cases: (1 + 1 / 3) / 2.
    assert ceiling(close, 5.0, 10_000) < 1
    assert ceiling(close, 2.0, 3) == pytest.approx(2 / 3, abs=0.06)
    assert ceiling(close, 2.0, 3) < ceiling(close, 2.0, 300) < ceiling(close, 2.0, 30_000)


def test_the_table_is_printed() -> None:
    ended = subprocess.run([sys.executable, str(BENCHMARK)], capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()
    assert len(lines) == 2 + len(kept())
    assert "core min a seed" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["try", "clutered"], "no setting 'clutered' in scales.yaml"),
        (["try", "long", "--only", "ViT-S"], "ViT-S"),
        (["try"], "NAME"),
        (["try", "long", "--seeds", "0"], "--seeds"),
    ],
)
def test_bad_input_is_one_line_that_says_where(arguments: list[str], said: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(BENCHMARK), *arguments, "--store", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert said in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
