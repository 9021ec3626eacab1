"""Helpers of tests that run the command line."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Studies = Callable[..., subprocess.CompletedProcess[str]]
StudyFile = Callable[..., Path]


def one_line(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The only line of an error."""
    assert done.returncode == status, done.stderr
    lines = errors(done.stderr)
    assert len(lines) == 1, done.stderr
    return lines[0]


def errors(stderr: str) -> list[str]:
    """Lines of stderr, but for the one that says that models are counted: a slow machine shows it."""
    return [line for line in stderr.strip().splitlines() if ", once: remembered in " not in line]


def accuracies(runs: Path) -> dict[str, tuple]:
    """Final figures and history of every finished trial, without what the clock says."""
    found = {}
    for path in sorted(runs.glob("trials/*/result.json")):
        history = json.loads(path.with_name("history.json").read_text())["history"]
        found[path.parent.name] = tuple((r["top1"], r["loss"], r["train_loss"]) for r in history)
    return found


def start(arguments: list[str], tmp_path: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "studies.cli", *arguments]
    return subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_checkpoint(runs: Path, process: subprocess.Popen[str]) -> None:
    """Until some trial has trained an epoch and is not done."""
    deadline = time.monotonic() + 120
    while not list(runs.glob("trials/*/checkpoint-*.pt")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
