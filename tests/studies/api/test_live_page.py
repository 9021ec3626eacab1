"""The page of a run while it goes on."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

import pytest
from stored import SCALE, VIT, filled, result

from searchspace.expand import SpecError
from studies.api.how import How
from studies.api.listeners import listeners
from studies.api.live_page import REFRESH, SHARE, LivePage
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


@pytest.mark.parametrize(("executor", "waits"), [("ray", True), ("inline", False)])
def test_no_worker_waits_for_the_page_and_no_thread_counts_models_beside_a_training(
    tmp_path: Path, executor: Literal["ray", "inline"], waits: bool
) -> None:
    plan = make_plan("cnn_to_vit", SCALE, None, (), False, filled(tmp_path / "runs"))
    (page,) = listeners(plan, How(executor=executor, page="store"))
    assert page.waits == waits


def test_the_last_page_is_written_after_one_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(*_: object, refresh: int, more: object) -> str:
        if refresh:
            begun.set()
            assert may_end.wait(60)
        return "running" if refresh else "over"

    monkeypatch.setattr("studies.api.live_page.page_of", slow)
    store = filled(tmp_path / "runs")
    while_it_runs, of_the_end = page_of(store), page_of(store)
    first = threading.Thread(target=while_it_runs.write, args=(True,))
    first.start()
    assert begun.wait(60)
    last = threading.Thread(target=of_the_end.write)
    last.start()
    may_end.set()
    first.join()
    last.join()
    assert of_the_end.file.read_text() == "over"


def test_how_long_the_first_page_took_says_nothing_of_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def takes(*_: object, refresh: int, more: object) -> str:
        nonlocal now
        now += 30.0
        return str(now)

    monkeypatch.setattr("studies.api.live_page.page_of", takes)
    monkeypatch.setattr("studies.api.live_page.time", SimpleNamespace(monotonic=lambda: now))
    page = page_of(filled(tmp_path / "runs"))
    page.epoch(TRIAL, RECORD)
    now += REFRESH
    page.epoch(TRIAL, RECORD)
    assert page.file.read_text() == "70.0"
    now += REFRESH
    page.epoch(TRIAL, RECORD)
    assert page.file.read_text() == "70.0", "the second took 30 s"
    now += 30.0 / SHARE
    page.epoch(TRIAL, RECORD)
    assert page.file.read_text() != "70.0"


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
