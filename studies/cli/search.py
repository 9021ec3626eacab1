"""`studies search`: search, then print the Pareto set and how the best do in a test."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from reports.render import as_json, render
from studies.api.how import How
from studies.api.interrupt import EXIT_STATUS
from studies.api.search import SearchResult, run_search
from studies.api.search_sections import GOOD_PRACTICE, pareto_section
from studies.api.search_settings import asked
from studies.api.wording import duration, say
from studies.engine.events import RayDiedError, StoppedError
from studies.language.search_block import SearchBlock
from studies.store.store import Store

SETTINGS = tuple(name for name in SearchBlock.model_fields if name != "base")
HOW = ("jobs", "executor", "gpus_per_trial", "cpus_per_trial", "address", "data_dir")


def main(arguments: argparse.Namespace) -> int:
    """Search; 1 if a trial failed."""
    start = time.monotonic()
    what = asked(arguments.base, {name: getattr(arguments, name) for name in SETTINGS}, data_dir=arguments.data_dir)
    made = run_search(
        what,
        Store(arguments.runs_dir),
        How(**{name: getattr(arguments, name) for name in HOW}),
        None if arguments.export is None else Path(arguments.export),
    )
    if isinstance(made.ended, StoppedError):
        say("studies: stopped; the same command goes on from here")
        return EXIT_STATUS
    if made.ended is not None:
        say(f"studies: {made.ended}; what is trained is kept, the same command goes on from there")
        if isinstance(made.ended, RayDiedError):
            sys.stdout.flush()
            os._exit(1)  # an orderly end would wait for Ray
        return 1
    print(as_plain(made) if arguments.json else _tables(made) + _checklist(made), end="")
    say(f"{duration(time.monotonic() - start)} in all")
    for name, why in made.failures.items():
        say(f"failed: {name}: {why}")
    return 1 if made.failures else 0


def as_plain(made: SearchResult) -> str:
    """All that a search has found, as JSON."""
    plain = {
        "search": made.asked.name,
        "definition": made.asked.definition.plain(),
        "candidates": json.loads(as_json(made.frame)),
        "checklist": [asdict(check) for check in made.checklist],
        "test": json.loads(as_json(made.results)) if made.final else [],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def _tables(made: SearchResult) -> str:
    text = render([pareto_section(made)], "text")
    if made.final is None:
        return text + "\n"
    from studies.reporting.tables import table

    return f"{text}\n{table(made.final.study, made.final.scale, made.final.store)}"


def _checklist(made: SearchResult) -> str:
    """A line a point, those that hold marked."""
    lines = [f"[{'x' if check.holds else ' '}] {check.point}\n      {check.value}" for check in made.checklist]
    return "\n".join(["", f"{GOOD_PRACTICE}, here:", *lines, ""])
