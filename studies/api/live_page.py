"""A study's page, written again and again while its run goes on."""

import os
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from searchspace.expand import SpecError
from studies.api.search_front import front_of
from studies.planning.plan import Plan
from studies.reporting.page import page_of
from studies.tracking.tracker import Tracked
from studies.trials.results import EpochRecord

REFRESH = 10  # seconds, of the page in a browser
SHARE = 0.02  # of the run's time that goes into its page
_writing = threading.Lock()  # a page at a time: the last is begun when the one before is whole


class LivePage:
    """A tracker whose place is a file that a browser shows.

    Args:
        plan: of the run.
        file: where the page is; `store`: `pages/STUDY@SCALE.html` in the store, or here if that is a URL.
        waits: whether it has a thread of its own, which no worker waits for. Not where this process trains: to write
            a page is to count models, and both use torch's random state.
    """

    title = "The page"

    def __init__(self, plan: Plan, file: str, waits: bool = False) -> None:
        self.plan, self.waits = plan, waits
        name = f"{plan.study.name}@{plan.scale.scale}.html"
        self.file = Path(file) if file != "store" else plan.store.folder_here / "pages" / name
        self.where = str(self.file)
        self._next = 0.0
        self._written = False

    def check(self) -> None:
        """Refuse a place where no file can be written.

        Raises:
            SpecError: with the reason.
        """
        if self.file.is_dir() or not self.file.suffix:
            raise SpecError(f"--page {self.file}: name a file, page.html say")
        there = next(folder for folder in self.file.absolute().parents if folder.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise SpecError(f"--page {self.file}: cannot write in {there}; name another file")

    def epoch(self, trial: Tracked, record: EpochRecord) -> None:
        """Write the page, unless it is new."""
        if time.monotonic() >= self._next:
            self.write(running=True)

    def end(self, trial: Tracked, status: str, figures: Mapping[str, Any], reason: str) -> None:
        """As after an epoch."""
        if time.monotonic() >= self._next:
            self.write(running=True)

    def close(self) -> None:
        """The page of the end is written by who waits for it."""

    def write(self, running: bool = False) -> None:
        """Write the page as the store stands, whole or not at all; `running`: a browser is to load it again."""
        with _writing:
            start = time.monotonic()
            self._write(REFRESH if running else 0)
            took = time.monotonic() - start
        # The first imports what draws, and counts what was never counted: the next ones are shorter.
        self._next = time.monotonic() + (max(REFRESH, took / SHARE) if self._written else REFRESH)
        self._written = True

    def _write(self, refresh: int) -> None:
        what = self.plan.study, self.plan.scale, self.plan.store
        text = page_of(*what, refresh=refresh, more=front_of(*what))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_name(f".{self.file.name}.{uuid.uuid4().hex[:8]}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.file)
