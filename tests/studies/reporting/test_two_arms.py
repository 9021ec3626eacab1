"""Any two arms of a study, compared on demand."""

import json
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats
from stored import trained
from support import StudyFile

import studies
from reports.statistics import over_seeds
from searchspace.expand import SpecError
from studies.language.resolve import load_study
from studies.store.store import Store

PAIR = ("c", "b")


@pytest.fixture
def study(study_file: StudyFile) -> str:
    arms = {"a": {}, "b": {"backbone.depth": 7}, "c": {"backbone.num_heads": 3}}
    return str(study_file(seeds=3, arms=arms, scale="digits"))


def row(study: str, pair: tuple[str, str], store: Store) -> dict:
    return json.loads(studies.report(study, compare=pair, format="json", runs_dir=store.root))[0]


def test_two_arms_that_are_no_baseline_are_compared(study: str, tmp_path: Path) -> None:
    store = trained(tmp_path / "runs", load_study(study), c=90.0)
    found = row(study, PAIR, store)
    assert (found["n"], found["top1"], found["delta"]) == (3, 90.5, 10.0)
    assert found["p"] == pytest.approx(stats.ttest_ind([90, 90.5, 91], [80, 80.5, 81], equal_var=False).pvalue)
    assert found["low"] == pytest.approx(10 - found["ci"]) and found["high"] == pytest.approx(10 + found["ci"])
    assert found["finding"].startswith("c is higher than b by 10.0 points (95 % interval +")
    back = row(study, ("b", "c"), store)
    assert (back["delta"], back["ci"]) == (-10.0, pytest.approx(found["ci"]))
    assert back["finding"].startswith("b is lower than c by 10.0 points")


def test_the_interval_is_that_of_a_study_of_these_two_arms(study: str, tmp_path: Path) -> None:
    store = trained(tmp_path / "runs", load_study(study), c=82.0)
    frame = studies.results(study, store.root)
    alone = over_seeds(frame[frame["arm"].isin(PAIR)].assign(baseline=lambda rows: rows["arm"] == "b"))
    found = row(study, PAIR, store)
    assert found["ci"] == pytest.approx(alone.set_index("arm")["ci"]["c"])
    table = pd.DataFrame(json.loads(studies.report(study, compare=("c", "a"), format="json", runs_dir=store.root)))
    assert table["ci"][0] < over_seeds(frame).set_index("arm")["ci"]["c"], "which two comparisons make wider"


def test_the_reader_is_told_that_it_is_one_comparison_of_his_choice(study: str, tmp_path: Path) -> None:
    store = trained(tmp_path / "runs", load_study(study))
    text = " ".join(studies.report(study, compare=PAIR, runs_dir=store.root).split())
    assert "c and b cannot be told apart at n = 3 (95 % interval" in text
    assert "seeds would show 1 point" in text
    assert "One comparison, chosen by the reader: its interval is not corrected for any other" in text


def test_a_name_of_several_groups_needs_its_group(study_file: StudyFile, tmp_path: Path) -> None:
    groups = {
        name: {"base": "t2t_vit_14", "arms": {"x": {"backbone.depth": depth}, "y": {"backbone.depth": 3}}}
        for name, depth in (("A", 14), ("B", 7))
    }
    study = tmp_path / "groups.yaml"
    study.write_text(json.dumps({"study": "g", "seeds": 2, "groups": groups}))
    store = trained(tmp_path / "runs", load_study(str(study)))
    with pytest.raises(SpecError, match="'x' is in several groups of g: A/x, B/x"):
        studies.report(study, compare=("x", "A/y"), runs_dir=store.root)
    with pytest.raises(SpecError, match="no arm 'B/z' in g; did you mean B/"):
        studies.report(study, compare=("A/x", "B/z"), runs_dir=store.root)
    assert row(str(study), ("A/x", "B/x"), store)["arm"] == "A/x"
    assert row(str(study), ("A/y", "B/y"), store)["finding"] == "A/y and B/y are one and the same model at this scale."
    assert row(str(study), ("A/x", "y"), store)["arm"] == "x", "y is the same arm in both"
    with pytest.raises(SpecError, match="compare: two names of arms, got 'xy'"):
        studies.report(study, compare="xy")  # type: ignore[arg-type]


def test_what_is_not_known_is_not_made_up(study: str, tmp_path: Path) -> None:
    loaded = load_study(study)
    store = trained(tmp_path / "runs", loaded, c=90.0)
    one = " ".join(studies.report(study, compare=PAIR, seeds=1, runs_dir=store.root).split())
    assert "cannot be told apart at n = 1: with a single seed nothing is known of the noise" in one
    assert "\u00b1" not in one and "interval" not in one
    frame = studies.results(study, store.root)
    for trial in frame.loc[(frame["arm"] == "b") & (frame["seed"] == 1), "trial"]:
        store.forget(trial)
        store.fail(trial, "TrainingError: the loss is nan", "")
    failed = row(study, PAIR, store)
    assert failed["delta"] is None
    assert failed["finding"].startswith("Not compared: b: some of its seeds failed")
    page = studies.report(study, compare=PAIR, format="html", runs_dir=store.root)
    assert "b, seed 1: TrainingError: the loss is nan" in page
    empty = Store(tmp_path / "empty")
    empty.prepare()
    text = studies.report(study, compare=PAIR, runs_dir=empty.root)
    assert "Not compared: c and b: no seed is trained yet." in text
    assert text.splitlines()[-1].startswith("To train what is missing: studies run ")
    assert text.splitlines()[-1].endswith("--only c --only b")
