"""Where the numbers of a page come from."""

from pathlib import Path

import pytest
import yaml
from stored import SCALE, VIT, filled, result, trained

import studies
from reports.statistics import over_seeds
from studies.language.resolve import load_study
from studies.reporting.asked import Asked
from studies.reporting.drawn import Drawn
from studies.reporting.frames import results
from studies.reporting.page import page_of
from studies.reporting.provenance import facts, spans
from studies.reporting.tables import contents

LARGER = {"backbone.depth": 16}


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([0], "0"), ([0, 1], "0, 1"), ([0, 1, 2], "0 to 2"), ([0, 1, 2, 7, 9, 10], "0 to 2, 7, 9, 10"), ([3, 5], "3, 5")],
)
def test_seeds_in_a_row_are_told_as_a_span(numbers: list[int], text: str) -> None:
    assert spans(numbers) == text


def test_a_page_says_with_which_seeds_and_when_its_trials_were_trained(tmp_path: Path) -> None:
    store = filled(tmp_path)
    known = dict(facts(results("cnn_to_vit", tmp_path), SCALE, store))
    assert known["Seeds"] == "0, 1"
    assert "Trained" not in known, "results of versions before have no date"
    for seed, day in ((VIT.id, "2026-11-25T10:00:00+00:00"),):
        store.finish(seed, {**result(91.5), "finished_at": day})  # type: ignore[typeddict-item]
    assert dict(facts(results("cnn_to_vit", tmp_path), SCALE, store))["Trained"] == "2026-11-25"


def test_the_page_of_a_paper_table_has_the_claims_about_that_table(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert "Claims of the paper, tested at scale" in page_of(load_study("cnn_to_vit"), SCALE, store)
    other = page_of(load_study("vit_comparison"), SCALE, store)
    assert "Claims of the paper" not in other


def test_findings_of_a_study_of_ones_own_compare_what_its_table_does(tmp_path: Path) -> None:
    """An arm that is not what its name says at this scale is compared in both: the table says of what."""
    path = tmp_path / "mine.yaml"
    arms = {"a": {}, "b": {"backbone.depth": 16}, "taught by nobody": {"distilled": True}}
    path.write_text(yaml.safe_dump({"study": "mine", "base": "vit_s_16", "seeds": 3, "arms": arms}, sort_keys=False))
    study = load_study(str(path))
    store = trained(tmp_path / "runs", study)
    made = contents(study, SCALE, store)
    drawn = Drawn(Asked(study, SCALE, store), made)
    assert list(drawn.arms["arm"]) == list(arms)
    table = over_seeds(made.results, made.level)
    assert list(drawn.arms["comparisons"][1:]) == list(table["comparisons"][1:]) == [2, 2]


def test_the_page_of_a_run_that_resolves_has_the_level_that_its_looks_leave(tmp_path: Path) -> None:
    """Everything is resolved at the first look, so that nothing is trained."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"study": "mine", "base": "vit_s_16", "seeds": 3, "arms": {"a": {}, "b": LARGER}}))
    store = trained(tmp_path / "runs", load_study(str(path)), b=95.0)
    plain, page = tmp_path / "plain.html", tmp_path / "page.html"
    studies.run(str(path), executor="inline", runs_dir=store.root, page=plain)
    studies.run(str(path), executor="inline", runs_dir=store.root, page=page, resolve=1.0, max_seeds=8)
    assert "--resolve 1 --max-seeds 8" in page.read_text()
    assert "--resolve" not in plain.read_text()
    assert studies.report(str(path), runs_dir=store.root, format="html") == page.read_text()
