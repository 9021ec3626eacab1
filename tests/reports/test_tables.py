import json
from pathlib import Path

import pandas as pd
import pytest
from support import StudyFile

from reports import published, study_table
from reports.columns import COLUMNS, Column
from reports.compare import LIMITS, beyond_rounding
from reports.figures import accuracy_against_macs, draw_accuracy_against_macs
from reports.paper_table import compared, sections
from reports.render import STYLES, as_csv, as_json, render
from studies.language.expansion import at_scale, trials
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.reporting.tables import counts, study_of_table, table
from studies.store.store import Store

NEEDED = [
    "group",
    "model",
    "paper_top1",
    "top1",
    "paper_params_m",
    "params_m",
    "paper_macs_g",
    "macs_g",
    "note",
]


@pytest.fixture(scope="module")
def counted() -> pd.DataFrame:
    return counts(study_of_table(6))


@pytest.fixture(scope="module")
def run() -> pd.DataFrame:
    """A made-up run: three seeds of two arms."""
    rows = [
        {"group": "CNN to ViT", "arm": arm, "baseline": arm == "ViT-S/16", "seed": seed, "status": "done"}
        | {"top1": top1 + seed, "params": 193_600, "macs": 3_360_000}
        for arm, top1 in (("ViT-S/16", 90.0), ("ViT-SW", 80.0))
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def test_table_6_has_the_papers_23_rows_in_order(counted: pd.DataFrame) -> None:
    rows = compared(6, counted, None)
    assert len(rows) == 23
    assert rows["model"].tolist() == pd.read_csv(published.FOLDER / "table6.csv")["model"].tolist()
    assert rows[["params_m", "macs_g"]].notna().all().all()


@pytest.fixture(scope="module")
def rows_of() -> dict[int, pd.DataFrame]:
    return {number: compared(number, counts(study_of_table(number)), None) for number in published.TABLES}


@pytest.mark.parametrize("number", published.TABLES)
def test_every_row_of_a_table_is_built_and_counted(rows_of: dict[int, pd.DataFrame], number: int) -> None:
    rows = rows_of[number]
    printed = pd.read_csv(published.FOLDER / f"table{number}.csv")
    assert rows["model"].tolist() == printed["model"].tolist()
    assert rows[["params_m", "macs_g"]].notna().all().all()


@pytest.mark.parametrize("number", published.TABLES)
def test_every_count_is_within_tolerance_or_has_its_reason(rows_of: dict[int, pd.DataFrame], number: int) -> None:
    for row in rows_of[number].to_dict("records"):
        assert "unknown reason" not in row["note"], row
        for what, limit in LIMITS.items():
            assert not abs(row[f"{what}_diff"]) > limit or row["note"], row


def test_no_reason_is_given_that_no_table_needs(rows_of: dict[int, pd.DataFrame]) -> None:
    used = {text for rows in rows_of.values() for note in rows["note"] for text in note.split("; ")}
    assert set(published.notes()["reason"]) <= used


def test_few_params_differ_by_more_than_rounding(rows_of: dict[int, pd.DataFrame]) -> None:
    differing = [
        row["model"]
        for rows in rows_of.values()
        for row in rows.to_dict("records")
        if beyond_rounding(row["params_m"], row["paper_params_m"]) > LIMITS["params"]
    ]
    # Three second heads that the paper leaves out, and two of its figures that no structure reaches.
    assert sorted(differing) == [
        "DeiT-small-Distilled",
        "MobileNetV2 1.4x",
        "T2T-ViT-12-Distilled",
        "T2T-ViT-14 wo T2T",
        "T2T-ViT-7-Distilled",
    ]


@pytest.mark.parametrize(
    ("ours", "printed", "beyond"), [(4.24, 4.2, 0.0), (4.3, 4.2, 100 * 0.05 / 4.2), (10.4, 10, 0.0), (0.11, 0.1, 0.0)]
)
def test_a_printed_figure_stands_for_all_that_rounds_to_it(ours: float, printed: float, beyond: float) -> None:
    assert beyond_rounding(ours, printed) == pytest.approx(beyond)


def test_a_difference_without_a_reason_says_so(counted: pd.DataFrame) -> None:
    wrong = counted.assign(params_m=counted["params_m"] * 1.05)
    note = compared(6, wrong, None).set_index("model").loc["ViT-SE", "note"]
    assert "params differ by +5.3 % for an unknown reason" in note


def test_structures_that_the_paper_misprints_are_noted(rows_of: dict[int, pd.DataFrame]) -> None:
    rows = rows_of[1].set_index("model")
    assert rows.loc["T2T-ViT-7", "structure"] == "7 x 256, MLP 512"
    slips = rows.index[rows["note"].str.contains("slip")].tolist()
    assert slips == ["ViT-S/16", "ViT-B/16", "T2T-ViT-7"]


def test_json_has_the_agreed_keys_and_unrounded_numbers(counted: pd.DataFrame, run: pd.DataFrame) -> None:
    rows = json.loads(as_json(compared(6, counted, run)))
    assert all(set(NEEDED) <= set(row) for row in rows)
    by_name = {row["model"]: row for row in rows}
    assert by_name["ViT-SW"]["top1"] == pytest.approx(81.0)
    assert by_name["ViT-SW"]["paper_top1"] == 69.9
    assert by_name["ViT-SW"]["note"]
    assert by_name["T2T-ViT-14"]["top1"] is None
    assert by_name["T2T-ViT-14"]["note"] == ""
    assert by_name["T2T-ViT-14"]["params_m"] == pytest.approx(21.465806)


def test_a_row_that_the_paper_quotes_shows_no_run_of_ours(counted: pd.DataFrame) -> None:
    rows = [
        {"group": "Skip-connection CNN", "arm": "ResNet50", "baseline": True, "seed": s, "status": "done"}
        | {"top1": 95.0, "params": 1, "macs": 1}
        for s in range(2)
    ]
    table = compared(6, counted, pd.DataFrame(rows))
    resnets = table[table["model"] == "ResNet50"].set_index("own_schedule")["top1"]
    assert resnets[True] == 95.0
    assert pd.isna(resnets[False])


@pytest.mark.parametrize("style", STYLES)
def test_every_style_prints_every_row(counted: pd.DataFrame, run: pd.DataFrame, style: str) -> None:
    text = render(sections(6, compared(6, counted, run), "digits", ["Shows little."]), style)
    for model in ("AlexNet", "Wide-ResNet18x1.5", "T2T-ViT-Ghost"):
        assert model in text
    assert "at scale digits" in text
    assert "not ImageNet" in text
    assert "Shows little." in text
    run_part = text.split("as trained here")[1]
    assert "T2T-ViT-14" not in run_part, "an arm that was not trained has no row in the run's table"
    assert ("81.0 ± 1.0" in run_part) or (r"81.0 $\pm$ 1.0" in run_part)


def test_latex_compiles_in_the_head() -> None:
    table = compared(6, counts(study_of_table(6)), None)
    text = render(sections(6, table, "digits", []), "latex")
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 24
    assert len({line.count("&") for line in body}) == 1
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1


def test_csv_reads_back(counted: pd.DataFrame, run: pd.DataFrame, tmp_path) -> None:
    table = compared(6, counted, run)
    (tmp_path / "t.csv").write_text(as_csv(table))
    again = pd.read_csv(tmp_path / "t.csv")
    assert again["top1"].dropna().tolist() == pytest.approx(table["top1"].dropna().tolist())


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (Column("x", 1), 81.5, "81.5"),
        (Column("x", 1), float("nan"), ""),
        (Column("x", 1, signed=True), -0.04, "0.0"),
        (Column("x", 1, signed=True), 0.25, "+0.2"),
        (Column("x", 1, signed=True), -1.25, "\u22121.2"),
        (Column("x", 2), 4.3, "4.30"),
        (COLUMNS["model"], "ViT", "ViT"),
    ],
)
def test_a_column_writes_its_numbers(column: Column, value: object, text: str) -> None:
    assert column.text(value) == text


def test_the_figure_has_a_point_for_each_trained_model_in_both_panels(counted: pd.DataFrame, run: pd.DataFrame) -> None:
    points = accuracy_against_macs(compared(6, counted, run))
    assert len(points) == 4
    ours = points[points["panel"] == "run"].set_index("model")
    assert ours.loc["ViT-SW", "top1"] == pytest.approx(81.0)
    assert ours.loc["ViT-SW", "macs"] == pytest.approx(3.36)
    paper = points[points["panel"] == "paper"].set_index("model")
    assert paper.loc["ViT-SW", "macs"] == 9.9
    figure = draw_accuracy_against_macs(points, "digits")
    assert [axes.get_title(loc="left")[:3] for axes in figure.axes] == ["The", "Thi"]


@pytest.mark.parametrize("number", published.TABLES)
def test_every_table_of_the_paper_has_the_common_columns(number: int) -> None:
    table = published.table(number)
    assert {"group", "model", "own_schedule", "baseline", "paper_top1", "paper_params_m"} <= set(table)
    assert len(table)


def test_the_papers_rows_are_69_in_all() -> None:
    assert sum(len(published.table(number)) for number in published.TABLES) == 69


# ---- early stopping


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


def test_the_remark_on_stopped_arms_stands_only_where_there_are_any(counted_7: pd.DataFrame) -> None:
    rows = compared(7, counted_7, trained("T2T module", **{"T2T-ViT-14 wo T2T": "dd", "T2T-ViT-14": "d-"}))
    text = render(sections(7, rows, "digits", []), "text")
    assert REMARK not in text
    assert "stopped" not in text
    assert "unresolved" in text


def test_a_run_that_was_stopped_early_whole_has_its_table(counted_7: pd.DataFrame) -> None:
    rows = compared(7, counted_7, trained("T2T module", **{"T2T-ViT_t-14": "pp"}))
    text = render(sections(7, rows, "digits", []), "md").split("as trained here")[1]
    assert "0 (2 stopped)" in cells(text, "T2T-ViT_t-14")
    assert REMARK in text


def test_a_table_whose_baseline_was_stopped_early_has_no_verdicts(counted_7: pd.DataFrame) -> None:
    run = trained("T2T module", **{"T2T-ViT-14 wo T2T": "ddp", "T2T-ViT-14": "ddd", "T2T-ViT_c-14": "ddd"})
    rows = compared(7, counted_7, run).set_index(["group", "model"]).loc["T2T module"]
    assert rows["verdict"].dropna().to_dict() == {
        "T2T-ViT-14 wo T2T": "stopped early",
        "T2T-ViT-14": "",
        "T2T-ViT_c-14": "",
    }
    assert rows["delta"].isna().all()


def test_json_has_the_seeds_that_finished_and_those_that_were_stopped(counted_7: pd.DataFrame) -> None:
    rows = json.loads(as_json(compared(7, counted_7, trained("T2T module", **RUN_7))))
    found = {row["model"]: (row["n"], row["stopped"], row["top1"]) for row in rows if row["group"] == "T2T module"}
    assert found == {
        "T2T-ViT-14 wo T2T": (3, 0, pytest.approx(80.1)),
        "T2T-ViT-14": (1, 1, 81.0),
        "T2T-ViT_t-14": (0, 3, None),
        "T2T-ViT_c-14": (0, 0, None),
    }


def test_the_figure_has_no_point_for_an_arm_that_was_stopped_early(counted_7: pd.DataFrame) -> None:
    points = accuracy_against_macs(compared(7, counted_7, trained("T2T module", **RUN_7)))
    assert set(points["model"]) == {"T2T-ViT-14 wo T2T"}
    none = accuracy_against_macs(compared(7, counted_7, trained("T2T module", **{"T2T-ViT-14": "p"})))
    assert draw_accuracy_against_macs(none, "digits").axes


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
