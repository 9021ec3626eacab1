"""The page of a run while it goes on."""

from pathlib import Path
from typing import cast

import pytest
from stored import SCALE, VIT, filled, result

from searchspace.expand import SpecError
from studies.api.live_page import LivePage
from studies.planning.plan import make_plan
from studies.store.store import Store
from studies.tracking.tracker import Tracked
from studies.trials.results import EpochRecord

TRIAL, RECORD = Tracked(VIT.id, "ViT-S/16, seed 0", "", "", "", "", 0), cast(EpochRecord, {"epoch": 1})


def page_of(store: Store, file: str = "store") -> LivePage:
    return LivePage(make_plan("cnn_to_vit", SCALE, None, (), False, store), file)


def test_a_browser_loads_the_page_again_while_the_run_goes_on_and_not_after(tmp_path: Path) -> None:
    store = filled(tmp_path / "runs")
    page = page_of(store)
    assert page.file == tmp_path / "runs" / "pages" / "cnn_to_vit@digits.html"
    page.epoch(TRIAL, RECORD)
    running = page.file.read_text()
    assert '<meta http-equiv="refresh" content="10">' in running
    assert "The run goes on, and this page with it." in running
    assert "91.5" in running and "TrainingError: the loss is nan" in running, "what is done, and what failed"

    store.finish(VIT.id, result(12.5))
    page.epoch(TRIAL, RECORD)
    page.end(TRIAL, "done", {}, "")
    assert page.file.read_text() == running, "it is too new to be written again"

    page.write()
    ended = page.file.read_text()
    assert "12.5" in ended
    assert 'http-equiv="refresh"' not in ended and "The run goes on" not in ended
    assert [path.name for path in page.file.parent.iterdir()] == [page.file.name], "and nothing half written"


def test_a_store_that_is_no_folder_has_its_page_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("memory://pages/runs")
    store.prepare()
    page = page_of(store)
    page.check()
    page.write()
    assert (tmp_path / "pages" / "cnn_to_vit@digits.html").exists()


@pytest.mark.parametrize("file", ["here", "folder.html"])
def test_a_page_needs_the_name_of_a_file(tmp_path: Path, file: str) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(SpecError, match=r"name a file, page\.html say"):
        page_of(filled(tmp_path / "runs"), str(tmp_path / file)).check()
