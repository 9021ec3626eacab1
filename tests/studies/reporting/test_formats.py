"""Every report in every format, of stores that are full, empty, of one seed, or in which trials failed."""

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from markdown_it import MarkdownIt
from stored import trained
from support import StudyFile

import studies
from studies.api.report import Format
from studies.cli.parser import main
from studies.language.resolve import load_study
from studies.reporting.tables import study_of_table
from studies.store.store import Store

ASKED = {
    "own": {},
    "table": {"paper_table": 6},
    "claims": {"claims": True},
    "two arms": {"paper_table": 7, "compare": ("T2T-ViT-14", "T2T-ViT_c-14")},
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("formats") / "runs"
    trained(root, study_of_table(7))
    return trained(root, study_of_table(6), **{"ViT-SW": 70.0})


@pytest.fixture
def own(study_file: StudyFile) -> Path:
    return study_file(scale="digits", seeds=3)


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def balanced(text: str) -> bool:
    """Whether each tag is closed that must be."""
    open_: list[str] = []
    parser = HTMLParser()
    void = {"meta", "link", "br", "img", "input", "hr"}
    parser.handle_starttag = lambda tag, attrs: None if tag in void else open_.append(tag)  # type: ignore[method-assign]
    parser.handle_endtag = lambda tag: open_.remove(tag)  # type: ignore[method-assign]
    parser.feed(text)
    return text.startswith("<!DOCTYPE html>") and not open_


CHECKS: dict[str, Callable[[str], object]] = {
    "text": lambda text: "---" in text,
    "md": lambda text: any(
        token.type == "table_open" for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    ),
    "latex": lambda text: text.startswith("% needs") and text.count(r"\begin{tabular}") == text.count(r"\end{tabular}"),
    "csv": lambda text: len({len(row) for row in csv.reader(io.StringIO(text))}) == 1,
    "json": lambda text: isinstance(json.loads(text, parse_constant=no_constant), list),
    "html": balanced,
}


def test_every_format_is_checked() -> None:
    assert set(CHECKS) == set(get_args(Format))


@pytest.mark.slow
@pytest.mark.parametrize("what", ASKED)
def test_every_report_is_right_in_every_format_full_and_empty(
    what: str, full: Store, own: Path, tmp_path: Path
) -> None:
    empty = Store(tmp_path / "empty")
    empty.prepare()
    if what == "own":
        trained(Path(full.root), load_study(str(own)))
    for store in (full, empty):
        for style in get_args(Format):
            asked = {"study": own} if what == "own" else ASKED[what]
            text = studies.report(**asked, format=style, scale="digits", runs_dir=store.root)  # type: ignore[arg-type]
            assert CHECKS[style](text), (style, store.root)


@pytest.mark.slow
def test_a_page_of_the_claims_says_which_hold(full: Store) -> None:
    page = studies.report(claims=True, format="html", runs_dir=full.root)
    assert "Shallow and wide is worse (ViT): holds (\u221210.0 \u00b1 " in page
    assert "test pictures" not in page.partition("<table")[0]
    assert "Agreement with the order" in page


@pytest.mark.slow
def test_a_table_without_results_has_costs_the_papers_figures_and_how_to_train(tmp_path: Path) -> None:
    store = Store(tmp_path / "empty")
    store.prepare()
    text = studies.report(paper_table=6, runs_dir=store.root)
    cells = next(line for line in text.splitlines() if "T2T-ViT-14 " in line).split()
    assert {"81.5", "21.5", "4.80"} <= set(cells)
    assert "as trained here" not in text
    assert text.splitlines()[-1].endswith(f"To train it: studies run cnn_to_vit --runs-dir {store.root}")


def test_an_own_study_without_results_has_its_arms_and_how_to_train(own: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "empty")
    store.prepare()
    lines = studies.report(own, runs_dir=store.root).splitlines()
    assert [line.split() for line in lines if line.startswith(("a ", "b "))] == [["a", "0"], ["b", "0"]]
    assert lines[-1].endswith(f"To train it: studies run {own} --runs-dir {store.root}")


def test_one_seed_has_no_interval(own: Path, tmp_path: Path) -> None:
    store = trained(tmp_path / "runs", load_study(str(own)), b=90.0)
    text = studies.report(own, seeds=1, runs_dir=store.root)
    rows = [line.split() for line in text.splitlines() if line.startswith(("a ", "b "))]
    assert [row[1:5] for row in rows] == [["80.0", "1", "baseline", "12.3"], ["90.0", "1", "+10.0", "unresolved"]]
    assert "No interval with a single seed: b." in text
    (_, b) = json.loads(studies.report(own, seeds=1, runs_dir=store.root, compare=("a", "b"), format="json"))
    assert b["top1_ci"] is None and b["top1_sd"] is None


def test_failed_arms_are_shown_as_failed(own: Path, tmp_path: Path) -> None:
    store = trained(tmp_path / "runs", load_study(str(own)), b=90.0)
    frame = studies.results(own, store.root)
    failing = frame.loc[(frame["arm"] == "b") & (frame["seed"] > 0), "trial"]
    for trial in failing:
        store.forget(trial)
        store.fail(trial, "TrainingError: the loss is nan", "line 7")
    text = studies.report(own, runs_dir=store.root)
    (row,) = [line for line in text.splitlines() if line.startswith("b ")]
    assert row.split()[1:7] == ["90.0", "1", "(2", "failed)", "seeds", "failed"]
    assert "Seeds failed: accuracy is over those that finished; not compared." in text
    rows = json.loads(studies.report(own, runs_dir=store.root, format="json"))
    assert [r["reason"] for r in rows if r["status"] == "failed"] == ["TrainingError: the loss is nan"] * 2


@pytest.mark.slow
def test_a_run_of_some_arms_shows_only_these(full: Store, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--scale", "digits", "--runs-dir", str(full.root)]
    assert main(["run", "cnn_to_vit", "--only", "ViT-SW", *at]) == 0
    shown = capsys.readouterr().out
    assert "full size" not in shown
    table = [line for line in shown.split("\n\n")[1].splitlines() if "70.5 \u00b1 0.5" in line or "ViT" in line]
    assert len(table) == 1 and "ViT-SW" in table[0]
    assert "Baseline of CNN to ViT: ViT-S/16, top-1 80.5 \u00b1 0.5 over 3 seeds." in " ".join(shown.split())
    whole = studies.report("cnn_to_vit", scale="digits", runs_dir=full.root).split("as trained here")[1]
    (same,) = [line for line in whole.splitlines() if "ViT-SW" in line and "70.5" in line]
    assert same.split()[1:] == table[0].split("CNN to ViT")[1].split()[1:], "compared as in the table of all"


def test_a_run_of_some_arms_of_an_own_study_shows_only_these(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = trained(tmp_path / "runs", load_study(str(own)))
    assert main(["run", str(own), "--only", "b", "--runs-dir", str(store.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:1] for line in lines[2 : lines.index("", 2)]][-1] == "b"
    assert not any(line.startswith("a ") for line in lines)
    assert "Baseline of s: a, top-1 80.5 \u00b1 0.5 over 3 seeds." in lines
