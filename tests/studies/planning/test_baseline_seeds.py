"""More seeds for baselines than for the arms that are compared with them."""

from pathlib import Path

import pytest
from support import StudyFile, one_line

from searchspace.expand import SpecError
from studies.api.plan import plan
from studies.language.resolve import parse
from studies.planning.plan import Plan, make_plan
from studies.reporting.frames import known_trials
from studies.store.store import Store


def seeds_of(plan: Plan) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for arm, trial in plan.arms:
        found.setdefault(arm.name, []).append(trial.seed)
    return found


def made(path: Path, tmp_path: Path, seeds: tuple[int, ...] | None = None, baseline_seeds: int | None = None) -> Plan:
    return make_plan(parse(path), None, seeds, (), False, Store(tmp_path / "runs"), baseline_seeds)


def test_a_study_gives_its_baseline_more_seeds(study_file: StudyFile, tmp_path: Path) -> None:
    path = study_file(seeds=2, baseline_seeds=4)
    assert seeds_of(made(path, tmp_path)) == {"a": [0, 1, 2, 3], "b": [0, 1]}
    assert seeds_of(made(path, tmp_path, (5, 1, 0))) == {"a": [5, 1, 0, 2], "b": [5, 1, 0]}
    assert seeds_of(made(path, tmp_path, baseline_seeds=1)) == {"a": [0, 1], "b": [0, 1]}, "at least as many as others"
    assert seeds_of(made(study_file(seeds=2), tmp_path)) == {"a": [0, 1], "b": [0, 1]}


def test_a_report_has_the_seeds_of_the_plan(study_file: StudyFile, tmp_path: Path) -> None:
    plan = made(study_file(seeds=2, baseline_seeds=4), tmp_path)
    for seeds in (None, (3, 4)):
        found = known_trials(plan.store, plan.study, plan.scale, seeds)
        expected = made(plan.study.path, tmp_path, seeds)
        assert [trial.id for _, trial in found] == [trial.id for _, trial in expected.arms]


def test_what_a_baseline_needs_is_trained_with_its_seeds(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "study: mine\nbase: t2t_vit_7\nseeds: 1\nbaseline_seeds: 2\nbaseline: b\n"
        "arms:\n  a: {}\n  b: {pretrained: a}\n  c: {backbone.depth: 4}\n"
    )
    assert seeds_of(made(path, tmp_path)) == {"a": [0, 1], "b": [0, 1], "c": [0]}


def test_the_option_is_that_of_the_study(study_file: StudyFile, tmp_path: Path) -> None:
    forecast = plan(study_file(seeds=2), runs_dir=tmp_path / "runs", baseline_seeds=3)
    assert forecast.frame.groupby("arm")["seed"].count().to_dict() == {"a": 3, "b": 2}
    with pytest.raises(SpecError, match=r"baseline_seeds: .* got 0"):
        plan(study_file(seeds=2), runs_dir=tmp_path / "runs", baseline_seeds=0)


def test_a_wrong_number_is_refused_with_file_and_line(study_file: StudyFile, studies) -> None:
    assert "baseline_seeds" in one_line(studies("plan", str(study_file(baseline_seeds=0))))
