"""`studies run --resolve`: rounds of ordinary plans, and reports that pay for the looks."""

from pathlib import Path
from typing import Any

import pytest
from support import Studies, StudyFile, accuracies

import studies as package
from reports.looks import Looks
from searchspace.expand import SpecError
from studies.language.expansion import at_scale, trials
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.store.looks import keep_looks, kept_looks
from studies.store.store import Store


@pytest.mark.slow
def test_more_seeds_are_trained_until_out_of_seeds_and_the_report_pays_for_the_looks(
    study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    study, there = study_file(seeds=2), {"scale": tiny, "runs_dir": tmp_path / "runs"}
    asked: dict[str, Any] = {"resolve": 0.5, "max_seeds": 4}
    forecast = package.plan(study, **there, **asked)
    assert len(forecast.missing) == 8
    assert forecast.expected is not None
    assert forecast.expected.trials == 4
    assert not (tmp_path / "runs").exists(), "a plan keeps nothing"

    package.run(study, **there, seeds=1, executor="inline")  # half of the first look, as after a kill
    frame = package.run(study, **there, **asked, executor="inline")
    assert frame["status"].eq("done").all()
    assert frame.groupby("arm")["seed"].apply(list).to_dict() == {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}
    assert frame["test_pictures"].eq(64).all(), "of which two seeds resolve nothing"
    report = " ".join(package.report(study, **there).split())
    assert "all hold at once with 97.5 %" in report
    assert "with 2 looks at the results 95 % are left" in report

    before = accuracies(tmp_path / "runs")
    package.run(study, **there, **asked, executor="inline")
    assert accuracies(tmp_path / "runs") == before
    with pytest.raises(SpecError, match="were planned before, with --seeds 2 --max-seeds 4"):
        package.run(study, **there, resolve=0.5, max_seeds=9, executor="inline")
    assert package.plan(study, **there, **asked).expected.trials == 0


@pytest.mark.slow
def test_the_command_line_says_what_it_may_cost_and_where_the_looks_have_come_to(
    studies: Studies, study_file: StudyFile, tiny: Path
) -> None:
    asked = (str(study_file(seeds=2)), "--scale", str(tiny), "--resolve", "90", "--max-seeds", "3")
    plan = studies("plan", *asked).stdout
    assert "6 trials: 0 done, 6 to train" in plan
    assert "at most about" in plan
    assert "expected: 4 trials" in plan
    run = studies("run", *asked, "--executor", "inline")
    assert run.returncode == 0, run.stderr
    assert "look 1 of at most 2" in run.stderr


def test_what_cannot_be_resolved_so_is_refused(study_file: StudyFile, tmp_path: Path) -> None:
    study, there = study_file(seeds=3), {"runs_dir": tmp_path / "runs", "executor": "inline"}
    wrong = {
        "--max-seeds goes with --resolve": {"max_seeds": 5},
        "resolve: .* got 0": {"resolve": 0},
        "needs two seeds at the first look": {"resolve": 1, "seeds": 1},
        "--max-seeds 2: the first look has 3": {"resolve": 1, "max_seeds": 2},
        "leave out --fresh": {"resolve": 1, "fresh": True},
    }
    for match, how in wrong.items():
        with pytest.raises(SpecError, match=match):
            package.run(study, **there, **how)
    assert not (tmp_path / "runs").exists()


def test_the_plan_expects_what_results_so_far_make_likely(study_file: StudyFile, tiny: Path, tmp_path: Path) -> None:
    study = study_file(seeds=3)
    store, scale = Store(tmp_path / "runs"), load_scale(str(tiny))
    store.prepare()

    def expected(apart: float) -> float:
        for arm, trial in trials(at_scale(parse(study), scale), range(3)):
            figures = {"top1": 50 + trial.seed / 10 + apart * (arm.name == "b"), "params": 1, "macs": 1, "history": []}
            store.finish(trial.id, figures | {"device": "cpu", "seconds": 1.0})
        made = package.plan(study, scale=scale, runs_dir=store.root, resolve=0.2, max_seeds=9)
        assert len(made.missing) == 12
        assert made.expected is not None
        return made.expected.trials

    assert expected(30.0) < 1, "it is resolved already"
    assert 6 < expected(0.1) <= 12


def test_the_looks_of_a_study_stand_in_the_store(study_file: StudyFile, tmp_path: Path) -> None:
    store, looks = Store(tmp_path / "runs"), Looks(1.0, 3, 20, None)
    study = parse(study_file())
    assert kept_looks(store, study.name, "digits") is None
    keep_looks(store, study.name, "digits", looks.__dict__)
    assert Looks(**kept_looks(store, study.name, "digits")) == looks
    assert kept_looks(store, study.name, "cifar10") is None
