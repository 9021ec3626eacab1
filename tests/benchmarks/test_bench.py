"""`make bench`: figures are told where they are measured, and end in one table."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import figures

HERE = Path(figures.__file__).parent
Bench = Callable[..., tuple[int, str]]
TELLS = """import sys
from figures import tell
print("measured", *sys.argv[1:])
tell("a step", "the plain way", "1.50 (1.40 to 1.60)")
tell("the same, peak memory", "the plain way", "0.70 of it")
"""
FAILS = """from figures import tell
tell("a start", "python alone", "2.0")
raise SystemExit(3)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The status and the output of `bench.py` with a small step.py, and a study.py that fails."""
    for name in ("bench.py", "figures.py"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "step.py").write_text(TELLS)
    (tmp_path / "study.py").write_text(FAILS)

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, str(tmp_path / "bench.py"), *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout

    return run


def test_all_figures_end_in_one_table(bench: Bench) -> None:
    status, out = bench("--only", "step", "--against", "v1")
    assert status == 0
    assert "measured --turns 3 --against v1" in out, "what a benchmark prints is shown"
    table = out[out.index("All figures") :]
    assert re.search(r"^a step +the plain way +1\.50 \(1\.40 to 1\.60\) +step\.py +0\.\d$", table, re.MULTILINE)
    assert re.search(r"^the same, peak memory +the plain way +0\.70 of it", table, re.MULTILINE)


def test_a_benchmark_that_fails_is_named_and_the_others_go_on(bench: Bench) -> None:
    status, out = bench("--only", "study", "step")
    table = out.split("All figures")[1]
    assert status == 1
    assert "study.py failed with 3" in table
    assert "a start" in table and "a step" in table


def test_every_benchmark_of_the_table_is_there() -> None:
    listed = re.findall(r'^    "(\w+)": \[', (HERE / "bench.py").read_text(), re.MULTILINE)
    assert len(listed) > 5
    assert all((HERE / f"{name}.py").exists() and "tell(" in (HERE / f"{name}.py").read_text() for name in listed)


def test_a_figure_is_left_nowhere_if_nobody_collects_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(figures.FILE, raising=False)
    figures.tell("a step", "the plain way", "1.5")
    assert figures.told(tmp_path / "none") == []
    monkeypatch.setenv(figures.FILE, str(tmp_path / "some"))
    figures.tell("a step", "the plain way", "1.5")
    assert figures.told(tmp_path / "some") == [("a step", "the plain way", "1.5")]
