"""The command line in this process, as bad input meets it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import errors

from studies.cli.parser import main

Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Run a command that is to be refused: status 2, one line, which is returned, and no file made."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        status = main(arguments)
        shown = capsys.readouterr()
        assert status == 2, shown.err
        (line,) = errors(shown.err)
        assert line.startswith("studies: ")
        assert "Error: " not in line
        assert "\n" not in shown.out.strip(), "nothing is announced"
        assert sorted(tmp_path.rglob("*")) == before, "nothing is written"
        return line.removeprefix("studies: ")

    return run
