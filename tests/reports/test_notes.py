"""Each figure that a note quotes is counted again, or printed by the paper."""

import re

import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from reports import published
from searchspace.build import build
from searchspace.cost.remembered import costs
from searchspace.cost.traced import layers
from searchspace.expand import override, parse_override
from searchspace.presets import preset
from searchspace.spec import ModelSpec

NOTES = published.notes().to_dict("records")
QUOTED = re.compile(r"\d+\.\d+(?= [MG]\b)|(?<=prints )\d+\.\d+")
FIGURE = re.compile(
    r"(?P<value>[\d.]+) (?P<what>all params|params|torch macs|macs)(?: of (?P<part>\w+) in| of) (?P<spec>.+)"
)
FIELDS = {"all params": "params", "params": "trainable", "macs": "macs"}


def spec(text: str) -> ModelSpec:
    """As `studies cost` takes it: a preset and overrides."""
    name, *overrides = text.split()
    return override(preset(name), dict(map(parse_override, overrides)))


def counted(what: str, part: str | None, text: str) -> float:
    """A figure in 10^6 params or 10^9 multiply-adds."""
    unit = 1e9 if "macs" in what else 1e6
    if what == "torch macs":
        with torch.device("meta"):
            model, inputs = build(spec(text)).eval(), torch.zeros(1, 3, *spec(text).img_size)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(inputs)
        return counter.get_total_flops() / 2 / unit
    if part:
        return next(row[what] for row in layers(spec(text), 1) if row["module"] == part) / unit
    found = [figures[FIELDS[what]] / unit for figures in costs([spec(part) for part in text.split(" less ")])]
    return found[0] - sum(found[1:])


@pytest.mark.slow
@pytest.mark.parametrize("note", NOTES, ids=lambda note: f"{note['model']} {note['column']}")
def test_a_figure_of_ours_in_a_note_is_what_the_counter_says(note: dict[str, str]) -> None:
    for item in note["ours"].split("; "):
        figure = FIGURE.fullmatch(item)
        assert figure, item
        value = figure["value"]
        digits = len(value.partition(".")[2])
        assert f"{counted(figure['what'], figure['part'], figure['spec']):.{digits}f}" == value, item
        unit = "G" if "macs" in figure["what"] else "M"
        assert f"{value} {unit}" in note["reason"], item


@pytest.mark.parametrize("note", NOTES, ids=lambda note: f"{note['model']} {note['column']}")
def test_every_figure_in_a_note_is_ours_or_the_papers(note: dict[str, str]) -> None:
    tables = pd.concat(published.table(number) for number in published.TABLES)
    named = tables[[name == note["model"] or name in note["reason"] for name in tables["model"]]]
    papers = {float(value) for name in ("paper_params_m", "paper_macs_g") for value in named[name].dropna()}
    ours = {item.split()[0] for item in note["ours"].split("; ")}
    more = {"0.1"} if "0.1 G more" in note["reason"] else set()  # a difference of two figures of the paper
    assert [
        text for text in QUOTED.findall(note["reason"]) if text not in ours | more and float(text) not in papers
    ] == []


def test_the_public_codes_models_have_the_counts_that_notes_claim() -> None:
    claims = {note["model"] for note in NOTES if "parameter count equal to the unit" in note["reason"]}
    assert claims == {"T2T-ViT-Dense", "T2T-ViT-Ghost"}  # `test_traced` holds the presets to it
