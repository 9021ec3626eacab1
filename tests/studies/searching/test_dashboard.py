"""A search is looked at with optuna-dashboard: its server reads the journal."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from searches import candidates, definition, evaluate

from studies.searching.journal import journal_path, opened, study_in
from studies.searching.objectives import directions
from studies.searching.search import Search
from studies.store.store import Store

pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
DEADLINE = 60  # seconds for the server to answer


def answer(process: subprocess.Popen[bytes], address: str) -> Any:
    """What the server says, as soon as it answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + DEADLINE
    while True:
        assert process.poll() is None, "the server has ended"
        try:
            with opener.open(address, timeout=5) as response:
                return json.load(response)
        except OSError:
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)


@pytest.mark.slow
def test_the_dashboard_lists_the_search_with_its_candidates(tmp_path: Path) -> None:
    of = definition()
    path = journal_path(Store(tmp_path), "mine")
    with opened(path) as storage:
        search = Search(study_in(storage, path, "mine", directions(of.objectives), of.plain()), candidates(of))
        evaluate(search, 3)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = Path(sys.executable).with_name("optuna-dashboard")
    process = subprocess.Popen([server, str(path), "--port", str(port), "--server", "wsgiref", "--quiet"])
    try:
        (listed,) = answer(process, f"http://127.0.0.1:{port}/api/studies")["study_summaries"]
        assert listed["study_name"] == "mine"
        assert listed["directions"] == ["maximize", "minimize"]
        shown = answer(process, f"http://127.0.0.1:{port}/api/studies/{listed['study_id']}?after=0")
        assert [trial["state"] for trial in shown["trials"]] == ["Complete"] * 3
        assert search.study.metric_names == ["top1", "macs"], "which the dashboard shows at its axes"
        assert [float(trial["values"][1]) for trial in shown["trials"]] == [t.values[1] for t in search.study.trials]
    finally:
        process.kill()
        process.wait()
