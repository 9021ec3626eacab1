"""LaTeX tables: their structure, and that LaTeX itself takes them."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from stored import trained

import studies
from reports import published
from reports.latex import NEEDS, escaped, head
from reports.render import Section, render
from studies.language.resolve import load_study
from studies.reporting.tables import study_of_table

ENGINE = next(filter(shutil.which, ("pdflatex", "lualatex", "xelatex")), None)
OWN = {
    "study": "a_b",
    "question": "Does $x^2 ~ {y}\\z help?",
    "groups": {
        "[A] #1": {"base": "t2t_vit_14", "arms": {"one_*": {}, "--two < |3|": {"backbone.depth": 8}}},
        "B": {
            "base": "t2t_vit_14",
            "arms": {'\u03b1 "q" \u00e9': {}, "\u0394 \u00b1 1 \u2212 2": {"backbone.depth": 7}},
        },
    },
}
TABLES = [*(f"table {number}" for number in published.TABLES), "own", "claims"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every table after a run in which everything was trained."""
    folder = tmp_path_factory.mktemp("latex")
    (folder / "own.yaml").write_text(yaml.safe_dump(OWN))
    made = {}
    for number in published.TABLES:
        trained(folder / "runs", study_of_table(number))
        made[f"table {number}"] = studies.report(
            paper_table=number, scale="digits", format="latex", runs_dir=folder / "runs"
        )
    trained(folder / "runs", load_study(str(folder / "own.yaml")))
    made["own"] = studies.report(folder / "own.yaml", scale="digits", format="latex", runs_dir=folder / "runs")
    made["claims"] = studies.report(claims=True, format="latex", runs_dir=folder / "runs")
    return made


def check(text: str) -> None:
    """Braces and environments close in order, and every row has as many cells as its table has columns."""
    plain = text.replace(r"\\", " ").replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for char in plain:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    open_: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            open_.append(name)
        else:
            assert open_.pop() == name
    assert not open_
    found = re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, re.S)
    assert len(found) == text.count(r"\begin{table}") > 0
    for kinds, body in found:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert rows
        for row in rows:
            spans = [int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", row)]
            assert len(re.findall(r"(?<!\\)&", row)) + 1 + sum(spans) == len(kinds), row


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_well_formed(tables: dict[str, str], name: str) -> None:
    check(tables[name])
    assert tables[name].startswith("% needs \\usepackage{booktabs}")
    assert name == "claims" or "at scale digits" in tables[name]


@pytest.mark.slow
@pytest.mark.skipif(ENGINE is None, reason="no LaTeX here: pdflatex, lualatex or xelatex (apt-get install texlive)")
@pytest.mark.parametrize("name", TABLES)
def test_latex_compiles_every_table_within_its_page(tables: dict[str, str], name: str, tmp_path: Path) -> None:
    packages = "\n".join(rf"\usepackage{{{package}}}" for package in NEEDS)
    source = f"\\documentclass{{article}}\n{packages}\n\\begin{{document}}\n{tables[name]}\\end{{document}}\n"
    (tmp_path / "t.tex").write_text(source)
    assert ENGINE is not None
    command = [ENGINE, "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "t.log").read_text(errors="replace")
    for problem in ("Overfull", "Float too large", "Missing character", "Undefined"):
        assert problem not in log, log[log.find(problem) :][:300]


def test_a_header_of_two_lines_spans_its_columns_and_groups_are_parted() -> None:
    frame = pd.DataFrame(
        {
            "group": ["A", "", "B"],
            "arm": ["x", "y", "z"],
            "paper_params_m": ["1.0"] * 3,
            "params_m": ["1.1"] * 3,
            "accuracy": ["80.0 \u00b1 1.0"] * 3,
        }
    )
    text = render([Section("T", frame)], "latex")
    check(text)
    lines = text.splitlines()
    at = lines.index(r"\toprule")
    assert lines[at + 1 : at + 8] == [
        r" &  & \multicolumn{2}{c}{Params (M)} & Top-1 (\%) \\",
        r"\cmidrule(lr){3-4}",
        r"Group & Arm & paper & ours & ours \\",
        r"\midrule",
        r"A & x & 1.0 & 1.1 & 80.0 $\pm$ 1.0 \\",
        r" & y & 1.0 & 1.1 & 80.0 $\pm$ 1.0 \\",
        r"\midrule",
    ]
    alone = render([Section("T", frame.assign(group=["A", "B", "C"]))], "latex")
    assert alone.count(r"\midrule") == 1, "groups of one row each are not parted"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50 % of a_b & #1", r"50 \% of a\_b \& \#1"),
        ("\u0394 \u00b1 1 \u2212 2", r"$\Delta$ $\pm$ 1 $-$ 2"),
        ("${x}\\y~^", r"\$\{x\}\textbackslash{}y\textasciitilde{}\textasciicircum{}"),
        ("--early-stop, 2\u20133", "-{}-early-stop, 2--3"),
        ("[1] <b>\n|", r"{[}1] \textless{}b\textgreater{} \textbar{}"),
    ],
)
def test_special_characters_are_printed_as_they_are(text: str, written: str) -> None:
    assert escaped(text) == written


def test_what_pdflatex_has_no_letter_for_is_told_above() -> None:
    assert head("\u00e9 \u2019") == "% needs \\usepackage{booktabs}\\usepackage{graphicx}\n"
    assert head("\u6c34 \u6c34").splitlines()[1].startswith("% has \u6c34, so needs XeLaTeX")
