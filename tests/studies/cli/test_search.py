"""`studies search`, killed too, in processes of its own; and what it refuses."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from searches import space_file
from support import Studies, start

from studies.cli.parser import main
from studies.store.store import Store

Refused = Callable[..., str]
SMALL = ("space.yaml", "--max-macs", "2G", "--scale", "tiny.yaml", "--trials", "6")
QUICK = ("--top", "0", "--no-control")


@pytest.fixture(autouse=True)
def space(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "space.yaml").write_text(space_file())


def evaluated(runs: Path, name: str = "small") -> list[tuple]:
    """What a journal says of each candidate, without what the clock says."""
    path = runs / "searches" / "small.journal"
    study = optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))
    return [(trial.number, trial.state.name, trial.params, trial.values) for trial in study.trials]


@pytest.mark.slow
def test_a_search_ends_with_its_front_and_a_test_of_the_best_and_can_be_extended(
    studies: Studies, tmp_path: Path
) -> None:
    command = ("search", *SMALL, "--executor", "inline", "--top", "2", "--final-seeds", "2", "--export", "out")
    command += ("--final-presets", "1")
    first = studies(*command)
    assert first.returncode == 0, first.stderr
    assert "t2t_vit_14 itself has 4.80 G MACs and 21.5 M params, outside the budget" in first.stderr
    assert "12 candidates, 12 to evaluate" in first.stderr
    assert "Pareto set of small, ranked at scale tiny" in first.stdout
    assert "[ ] seeds are stated, and the best are tested with 3 or more" in first.stdout
    assert "[x] a random search of the same budget stands beside it" in first.stdout
    assert "6 candidates" in first.stdout and "The random search beside it: 6 candidates" in first.stdout
    for row in ("t2t_vit_14 ", "best 1 ", "best 2 ", "best of random ", "t2t_vit_12 (preset) "):
        assert f"\n{row}" in first.stdout
    assert {len(evaluated(tmp_path / "runs", name)) for name in ("small", "small (random)")} == {6}

    again = studies(*command)
    assert again.stdout == first.stdout
    assert "nothing to search" in again.stderr and re.search(r"(8|10) trials, \1 done already", again.stderr)

    more = studies(*command, "--trials", "9", "--json")
    assert more.returncode == 0, more.stderr
    assert "18 candidates, 6 to evaluate" in more.stderr
    found = json.loads(more.stdout)
    assert [row["search"] for row in found["candidates"]] == ["small"] * 9 + ["small (random)"] * 9
    assert {row["status"] for row in found["candidates"]} == {"done"}
    assert all(row["macs"] <= 2 * 10**9 for row in found["candidates"])
    assert {check["holds"] for check in found["checklist"]} == {True, False}
    assert {row["data.validation"] for row in found["test"]} == {None}

    plan = json.loads(studies("plan", "out/small.yaml", "--seeds", "2", "--json").stdout)
    tested = {row["trial"] for row in found["test"] if row["status"] == "done"}
    planned = {row["trial"] for row in plan["trials"]}
    assert planned & tested, "the exported study has the very trials that the best were tested by"
    assert len(plan["trials"]) == 2 * (
        1 + sum(row["pareto"] and row["search"] == "small" for row in found["candidates"])
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "options", "states"),
    [
        (("--executor", "inline"), (), {"done"}),
        (("--jobs", "1"), ("--early-stop",), {"done", "pruned"}),
    ],
    ids=["inline", "ray early-stop"],
)
def test_after_kill_9_the_same_command_evaluates_the_same_candidates(
    studies: Studies,
    tmp_path: Path,
    tiny: Path,
    environment: dict[str, str],
    executor: tuple[str, ...],
    options: tuple[str, ...],
    states: set[str],
) -> None:
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 8"))
    command = ["search", *SMALL, *QUICK, "--trials", "12", *options]
    whole = studies(*command, "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    for ends in (3, 7):
        process = start([*command, *executor, "--runs-dir", "killed"], tmp_path, environment)
        wait_for_ends(tmp_path / "killed", ends, process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert len(evaluated(tmp_path / "killed")) < 12
    rest = studies(*command, *executor, "--runs-dir", "killed")
    assert rest.returncode == 0, rest.stderr
    assert evaluated(tmp_path / "killed") == evaluated(tmp_path / "whole")
    assert without_times(rest.stdout) == without_times(whole.stdout)
    store = Store(tmp_path / "killed")
    assert {store.state(trial) for trial in store.ids()} == states, "no trial is lost, and none runs on"


def without_times(text: str) -> list[str]:
    return [line for line in text.splitlines() if "s of training in" not in line]


def wait_for_ends(runs: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until so many candidates have a result: read from what the command says of each."""
    assert process.stderr
    seen = len(list(runs.glob("trials/*/result.json")))
    for line in process.stderr:
        seen += ("top-1" in line) and line.startswith("[")
        if seen >= count:
            return
    raise AssertionError(f"ended before {count} candidates had")


@pytest.mark.slow
def test_two_at_a_time_under_ray_evaluate_each_candidate_once(studies: Studies, tmp_path: Path) -> None:
    done = studies("search", *SMALL, *QUICK, "--trials", "14", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    found = evaluated(tmp_path / "runs")
    assert [state for _, state, _, _ in found] == ["COMPLETE"] * 14
    assert len({str(sorted(params.items())) for _, _, params, _ in found}) == 14


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("vit_s",), r"no preset and no space 'vit_s'; did you mean vit_sw, vit_se, vit_s_16"),
        (("t2t_vit_14", "--space", "papr"), "unknown space 'papr'; did you mean paper"),
        (("paper", "--space", "paper"), "with --space the base is a preset"),
        (("missing.yaml",), "cannot read missing.yaml"),
        ((*SMALL, "--sampler", "tpa"), "unknown sampler 'tpa'; did you mean tpe"),
        ((*SMALL, "--objective", "top2"), "unknown objective 'top2'; did you mean top1"),
        ((*SMALL, "--objective", "macs"), "one of the objectives must be top1"),
        ((*SMALL, "--objective", "top1", "--objective", "top1"), "each objective once"),
        ((*SMALL, "--trials", "0"), "--trials: .* from 1 to 100000, got '0'"),
        ((*SMALL, "--trials", "1e9"), "--trials"),
        ((*SMALL, "--max-macs", "many"), "--max-macs: a whole number of at least 1, which may end in k, M or G"),
        ((*SMALL, "--max-macs", "1M"), "max_macs 1,000,000 excludes every model of space small"),
        ((*SMALL, "--min-params", "9M", "--max-params", "8M"), "min_params must be at most max_params"),
        ((*SMALL, "--validation", "0.001"), "leaves none for validation"),
        ((*SMALL, "--scale", "digit"), "unknown scale 'digit'"),
        ((*SMALL, "--name", "a/b"), "name: letters"),
        ((*SMALL, "--export", "tiny.yaml"), "tiny.yaml is no folder"),
        ((*SMALL, "--runs-dir", "memory://x/runs"), "a search keeps its journal in a folder"),
        ((*SMALL, "--executor", "inline", "--jobs", "2"), "--executor inline trains one trial at a time"),
        ((*SMALL, "--sampler", "random", "--control"), "with --sampler random leave it out"),
        (("resnet50",), r"space digits around resnet50: .* unknown field"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_searched_is_one_line_and_nothing_is_written(
    refused: Refused, arguments: tuple[str, ...], word: str
) -> None:
    line = refused("search", *arguments)
    assert re.search(word, line), line


def test_a_knob_that_does_not_exist_is_refused_with_file_and_line(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(space_file(knobs={"backbone.dept": [1, 2]}))
    assert "wrong.yaml:" in refused("search", "wrong.yaml")


@pytest.mark.slow
def test_a_journal_of_another_budget_is_refused_and_stays(studies: Studies, refused: Refused, tmp_path: Path) -> None:
    done = studies("search", *SMALL, *QUICK, "--executor", "inline", "--trials", "2")
    assert done.returncode == 0, done.stderr
    line = refused("search", *SMALL, *QUICK, "--max-macs", "3G")
    assert "budget.max_macs is 2000000000 there and 3000000000 here; --name begins a new one" in line
    assert len(evaluated(tmp_path / "runs")) == 2


def test_a_plan_says_what_the_search_of_a_study_file_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search = "search: {space: space.yaml, max_macs: 2G, trials: 4, top: 2, final_seeds: 2}\n"
    Path("s.yaml").write_text(f"study: s\nscale: tiny.yaml\n{search}")
    assert main(["plan", "s.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "search s: ehvi over top1 and macs" in shown
    assert "4 candidates, and 4 of a random search beside it, at scale tiny: 0 in the journal, 8 to evaluate" in shown
    Path("s.yaml").write_text(f"study: s\nscale: tiny.yaml\nbase: t2t_vit_14\narms: {{a: {{}}}}\n{search}")
    assert main(["plan", "s.yaml", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert len(plain["trials"]) == 3 and plain["search"]["candidates"] == {"s": 4, "s (random)": 4}
    assert not Path("runs").exists()


def test_a_search_of_a_study_file_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search = "search: {space: space.yaml, max_macs: 2G, trials: 4, top: 0, control: false, name: small}\n"
    Path("s.yaml").write_text(f"study: s\nscale: tiny.yaml\n{search}")
    assert main(["search", "s.yaml", "--executor", "inline", "--trials", "2", "--export", "out"]) == 0
    assert "2 candidates, 2 to evaluate" in capsys.readouterr().err
    assert len(evaluated(tmp_path / "runs")) == 2
    arms = "base: t2t_vit_14\narms: {a: {}, b: {backbone.depth: 8}}\n"
    Path("s.yaml").write_text(f"study: s\nscale: tiny.yaml\n{arms}{search}")
    capsys.readouterr()
    assert main(["report", "s.yaml", "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert "Front of the search" in page and "2 of 2 candidates are done" in page
    assert main(["plan", "out/small.yaml"]) == 0, "what it writes is a study that runs"
