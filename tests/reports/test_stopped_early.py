"""Tables and figures of runs in which some trials were stopped early."""

import json
from pathlib import Path

import pandas as pd
import pytest
from support import StudyFile

from reports import study_table
from reports.accuracy_figures import draw_accuracy, of_table
from reports.paper_table import compared, sections
from reports.render import as_json, render
from studies.language.expansion import at_scale, trials
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.reporting.tables import counts, study_of_table, table
from studies.store.store import Store


def trained(group: str, **arms: str) -> pd.DataFrame:
    """A made-up run: a letter a seed, d for done, p for pruned, - for planned; the first arm is the baseline."""
    status = {"d": "done", "p": "pruned", "-": "planned"}
    rows = [
        {"group": group, "arm": arm, "baseline": i == 0, "seed": seed, "status": status[letter]}
        | {"top1": 80.0 + i + seed / 10 if letter == "d" else None, "params": 1000, "macs": 2_000_000}
        for i, (arm, letters) in enumerate(arms.items())
        for seed, letter in enumerate(letters)
    ]
    return pd.DataFrame(rows)


def cells(text: str, arm: str) -> list[str]:
    """The cells of an arm's row in a Markdown table, the last of that name."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if arm in row][-1]


REMARK = "Stopped early: accuracy is over the seeds that finished"
RUN_7 = {"T2T-ViT-14 wo T2T": "ddd", "T2T-ViT-14": "dp", "T2T-ViT_t-14": "ppp", "T2T-ViT_c-14": "---"}


@pytest.fixture(scope="module")
def counted_7() -> pd.DataFrame:
    return counts(study_of_table(7))


@pytest.mark.slow
def test_table_7_says_which_arms_were_stopped_early(counted_7: pd.DataFrame) -> None:
    rows = compared(7, counted_7, trained("T2T module", **RUN_7))
    text = render(sections(7, rows, "digits", []), "md").split("as trained here")[1]
    mean_and_seeds = {arm: cells(text, arm)[4:6] for arm in list(RUN_7)[:3]}
    assert mean_and_seeds == {
        "T2T-ViT-14 wo T2T": ["80.1 ± 0.1", "3"],
        "T2T-ViT-14": ["81.0", "1 (1 stopped)"],
        "T2T-ViT_t-14": ["", "0 (3 stopped)"],
    }
    assert cells(text, "T2T-ViT-14")[6:] == ["stopped early", "1.0", "2.00"], "there is no difference to print"
    assert "T2T-ViT_c-14" not in text, "nothing of it was trained"
    assert REMARK in text


@pytest.mark.slow
def test_the_remark_on_stopped_arms_stands_only_where_there_are_any(counted_7: pd.DataFrame) -> None:
    rows = compared(7, counted_7, trained("T2T module", **{"T2T-ViT-14 wo T2T": "dd", "T2T-ViT-14": "d-"}))
    text = render(sections(7, rows, "digits", []), "text")
    assert REMARK not in text
    assert "stopped" not in text
    assert "unresolved" in text


@pytest.mark.slow
def test_a_run_that_was_stopped_early_whole_has_its_table(counted_7: pd.DataFrame) -> None:
    rows = compared(7, counted_7, trained("T2T module", **{"T2T-ViT_t-14": "pp"}))
    text = render(sections(7, rows, "digits", []), "md").split("as trained here")[1]
    assert "0 (2 stopped)" in cells(text, "T2T-ViT_t-14")
    assert REMARK in text


@pytest.mark.slow
def test_a_table_whose_baseline_was_stopped_early_has_no_verdicts(counted_7: pd.DataFrame) -> None:
    run = trained("T2T module", **{"T2T-ViT-14 wo T2T": "ddp", "T2T-ViT-14": "ddd", "T2T-ViT_c-14": "ddd"})
    rows = compared(7, counted_7, run).set_index(["group", "model"]).loc["T2T module"]
    assert rows["verdict"].dropna().to_dict() == {
        "T2T-ViT-14 wo T2T": "stopped early",
        "T2T-ViT-14": "",
        "T2T-ViT_c-14": "",
    }
    assert rows["delta"].isna().all()


@pytest.mark.slow
def test_json_has_the_seeds_that_finished_and_those_that_were_stopped(counted_7: pd.DataFrame) -> None:
    rows = json.loads(as_json(compared(7, counted_7, trained("T2T module", **RUN_7))))
    found = {row["model"]: (row["n"], row["stopped"], row["top1"]) for row in rows if row["group"] == "T2T module"}
    assert found == {
        "T2T-ViT-14 wo T2T": (3, 0, pytest.approx(80.1)),
        "T2T-ViT-14": (1, 1, 81.0),
        "T2T-ViT_t-14": (0, 3, None),
        "T2T-ViT_c-14": (0, 0, None),
    }


@pytest.mark.slow
def test_the_figure_has_no_point_for_an_arm_that_was_stopped_early(counted_7: pd.DataFrame) -> None:
    points = of_table(7, compared(7, counted_7, trained("T2T module", **RUN_7)))
    assert set(points.loc[points["of"] == "run", "model"]) == {"T2T-ViT-14 wo T2T"}
    assert set(points.loc[points["trained"], "model"]) == {"T2T-ViT-14 wo T2T"}
    none = of_table(7, compared(7, counted_7, trained("T2T module", **{"T2T-ViT-14": "p"})))
    assert len(draw_accuracy(none).axes) == 1, "the paper's alone"


def test_the_table_of_a_study_says_which_arms_were_stopped_early() -> None:
    section = study_table.section(
        "mine", trained("g", base="dd", other="dp", gone="pp", later="--"), "digits", ["More."]
    )
    rows = {row["arm"]: (row["accuracy"], row["seeds"], row["verdict"]) for row in section.frame.to_dict("records")}
    assert rows == {
        "base": ("80.0 ± 0.1", "2", "baseline"),
        "other": ("81.0", "1 (1 stopped)", "stopped early"),
        "gone": ("", "0 (2 stopped)", "stopped early"),
        "later": ("", "0", ""),
    }
    assert any(remark.startswith(REMARK) for remark in section.remarks)
    assert section.remarks[-1] == "More."
    plain = study_table.section("mine", trained("g", base="dd", other="d-"), "digits", [])
    assert not any(remark.startswith(REMARK) for remark in plain.remarks)


def test_a_report_of_a_store_with_stopped_trials_prints_them_apart(study_file: StudyFile, tmp_path: Path) -> None:
    study, scale, store = parse(study_file(seeds=2)), load_scale("digits"), Store(tmp_path / "runs")
    store.prepare()
    for arm, trial in trials(at_scale(study, scale), study.seeds):
        store.plan(trial)
        if arm.name == "b" and trial.seed == 1:
            store.prune(trial.id, 2, 1.0)
        else:
            figures = {"top1": 80.0 + trial.seed, "params": 1000, "macs": 2_000_000, "device": "cpu", "history": []}
            store.finish(trial.id, figures)
    text = table(study, scale, store, style="md")
    assert cells(text, "a")[1:5] == ["80.5 ± 0.7", "2", "", "baseline"]
    assert cells(text, "b")[1:5] == ["80.0", "1 (1 stopped)", "", "stopped early"]
    assert REMARK in text
    rows = json.loads(table(study, scale, store, style="json"))
    assert [(row["arm"], row["seed"], row["status"], row["top1"]) for row in rows] == [
        ("a", 0, "done", 80.0),
        ("b", 0, "done", 80.0),
        ("a", 1, "done", 81.0),
        ("b", 1, "pruned", None),
    ]
    assert rows[3]["reason"] == "stopped early after epoch 2 at top-1 1.0 %"
    assert rows[3]["epochs"] == 2
