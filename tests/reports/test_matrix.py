"""The matrix of an ablation: ticks and values, and scores beside them."""

import numpy as np
import pandas as pd
import pytest

from reports import matrix
from reports.matrix import TICK
from reports.render import Section, render

PARTS = {
    "arm": ["whole", "no gate", "plain", "cnn"],
    "backbone.gate": ["se", "none", "se", None],
    "backbone.depth": [14, 14, 7, None],
    "backbone.position": ["learned", "sinusoid", "none", None],
    "distilled": [True, True, False, None],
}
TOP1 = {"whole": [90.0, 90.4, 90.2], "no gate": [85.0, 85.4, 85.2], "plain": [80.0], "cnn": []}


@pytest.fixture
def section() -> Section:
    rows = [
        {"arm": arm, "seed": seed, "status": "done" if values else "planned", "top1": top1, "baseline": arm == "whole"}
        for arm, values in TOP1.items()
        for seed, top1 in enumerate(values or [np.nan])
    ]
    results = pd.DataFrame(rows).assign(group="g", params=1, macs=1)
    return matrix.section("Parts", pd.DataFrame(PARTS, dtype=object), "g", results, ["More."])


def test_a_part_that_is_there_or_not_has_ticks_and_any_other_its_values(section: Section) -> None:
    frame = section.frame.set_index("arm")
    assert frame["backbone.gate"].tolist() == [TICK, "", TICK, "n/a"]
    assert frame["distilled"].tolist() == [TICK, TICK, "", "n/a"]
    assert frame["backbone.position"].tolist() == ["learned", "sinusoid", "none", "n/a"]
    assert frame["backbone.depth"].tolist() == ["14", "14", "7", "n/a"]
    assert section.remarks[0] == f"{TICK} stands for: backbone.gate se, distilled."
    assert section.remarks[-1] == "More."


def test_scores_are_those_of_the_arm_beside_it(section: Section) -> None:
    frame = section.frame.set_index("arm")
    assert frame["accuracy"].tolist() == ["90.2 \u00b1 0.2", "85.2 \u00b1 0.2", "80.0", ""]
    assert frame["verdict"].tolist() == ["baseline", "lower", "unresolved", ""]
    assert frame.loc["no gate", "difference"].startswith("\u22125.0 \u00b1 ")
    assert frame.loc["plain", "difference"] == "\u221210.2", "a single seed has no interval"


def test_ticks_are_ticks_in_every_style(section: Section) -> None:
    text, md, latex = (render([section], style) for style in ("text", "md", "latex"))
    heads = text.splitlines()[2:4]
    assert heads[0].split()[:3] == ["Arm", "backbone", "distilled"], "what several columns are of stands once"
    assert heads[1].split()[:3] == ["gate", "depth", "position"]
    (row,) = [line for line in text.splitlines() if line.startswith("no gate")]
    assert row.split() == ["no", "gate", "14", "sinusoid", TICK, "85.2", "\u00b1", "0.2", "3", *row.split()[-4:]]
    (row,) = [line for line in md.splitlines() if line.startswith("| no gate")]
    assert [cell.strip() for cell in row.split("|")[2:6]] == ["", "14", "sinusoid", TICK]
    (row,) = [line for line in latex.splitlines() if line.strip().startswith("no gate")]
    cells = [cell.strip() for cell in row.split("&")]
    assert (cells[1], cells[2]) == ("", "14")
    assert TICK not in latex, "plain LaTeX has no such letter"
    assert cells[4].startswith(("$", "\\"))


def test_numbers_stand_to_the_right(section: Section) -> None:
    assert section.more["backbone.depth"].number
    assert not section.more["backbone.gate"].number
    assert not section.more["backbone.position"].number
