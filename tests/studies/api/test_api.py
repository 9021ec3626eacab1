"""Each command is a function with typed arguments."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.text import Text

import studies as package
from searchspace.expand import SpecError
from studies.api.execution import cautions
from studies.api.how import How
from studies.cli.parser import _parser
from studies.planning.plan import make_plan
from studies.store.store import Store

StudyFile = Callable[..., Path]


@pytest.mark.slow
def test_a_study_is_planned_run_and_reported_in_python(
    study_file: StudyFile, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, at = study_file(), {"scale": tiny, "runs_dir": tmp_path / "runs"}
    forecast = package.plan(study, seeds=2, **at)
    assert forecast.frame["to_train"].tolist() == [True] * 4
    assert forecast.estimate.device_seconds > 0
    assert str(forecast).startswith("s at scale tiny: 4 of 4 trials to train, about ")
    assert not (tmp_path / "runs").exists(), "nothing is written by a plan"
    frame = package.run(study, seeds=2, executor="inline", **at)
    assert frame["status"].tolist() == ["done"] * 4
    assert frame["seed"].tolist() == [0, 0, 1, 1]
    told = capsys.readouterr()
    assert told.out == "", "progress goes to stderr"
    assert "[4/4] b, seed 1: top-1 " in told.err
    again = package.run(study, seeds=[1], only="a", executor="inline", **at)
    assert again.equals(package.results(study, seeds=[1], **at))
    assert package.plan(study, seeds=2, **at).missing == []
    assert package.history(study, seeds=2, **at)["epoch"].tolist() == [1, 2] * 4
    text = package.report(study, seeds=2, format="md", **at)
    assert text.count("|") > 20 and "baseline" in text


def test_the_store_is_that_of_the_environment_where_none_is_named(
    study_file: StudyFile, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIES_RUNS_DIR", str(tmp_path / "mine"))
    package.run(study_file(), scale=tiny, seeds=1, only="a", executor="inline", jobs=1)
    assert (tmp_path / "mine" / "trials").is_dir()
    assert package.results(study_file(), scale=tiny, seeds=[0])["status"].tolist() == ["done", "planned"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "seeds: how many"),
        ({"seeds": [-1]}, "seeds: how many"),
        ({"only": "nothing"}, "no arm or group of s matches 'nothing'"),
        ({"scale": "digit"}, "unknown scale 'digit'; did you mean digits"),
        ({"jobs": 2}, "--executor inline trains one trial at a time"),
    ],
)
def test_bad_input_is_an_error_before_anything_is_written(
    study_file: StudyFile, tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        package.run(study_file(), executor="inline", runs_dir=tmp_path / "runs", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "runs").exists()


def test_an_executor_a_format_or_a_kind_of_figure_that_is_not_there_is_an_error(
    study_file: StudyFile, tmp_path: Path
) -> None:
    study, runs = study_file(), tmp_path / "runs"
    with pytest.raises(SpecError, match="executor: ray or inline, got 'Inline'"):
        package.run(study, executor="Inline", runs_dir=runs)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="format: one of text, md, latex, csv, json, html, got 'xlsx'"):
        package.report(study, format="xlsx", runs_dir=runs)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="no figure 'pie'; known: macs, "):
        package.figure(study, "pie", runs_dir=runs)
    assert not runs.exists()


@pytest.mark.filterwarnings("ignore::studies.store.errors.NoStoreWarning")
def test_an_arm_of_a_figure_is_named_by_its_name_alone(study_file: StudyFile, tmp_path: Path) -> None:
    study, runs = study_file(), tmp_path / "runs"
    texts = [package.figure(study, "diagram", only=only, runs_dir=runs).findobj(Text) for only in ("b", ["b"])]
    first, second = ([text.get_text() for text in found] for found in texts)
    assert first == second


@pytest.mark.filterwarnings("ignore::studies.store.errors.NoStoreWarning")
def test_a_frame_has_the_same_columns_and_numbers_before_anything_is_trained(
    study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    study, at = study_file(), {"scale": tiny, "runs_dir": tmp_path / "runs"}
    empty, epochs = package.results(study, **at), package.history(study, **at)
    assert {empty[name].dtype.kind for name in ("top1", "params", "macs", "seconds")} == {"f"}
    assert empty["top1"].isna().all()
    assert {epochs[name].dtype.kind for name in ("epoch", "top1", "loss")} <= {"i", "f"}
    package.run(study, seeds=1, executor="inline", **at)
    assert list(package.results(study, **at)) == list(empty)
    assert list(package.history(study, **at)) == list(epochs)


def test_a_run_in_micro_batches_says_whose_numbers_change(study_file: StudyFile, tiny: Path, tmp_path: Path) -> None:
    arms = {"a": {}, "net": {"base": "resnet50"}}
    plan = make_plan(str(study_file(arms=arms)), str(tiny), (0,), (), False, Store(tmp_path / "runs"))
    (line,) = cautions(plan, How(micro_batch=8))
    assert line.startswith("--micro-batch 8: batch norms see so many pictures at a time")
    assert line.endswith("models that have them: net")
    assert cautions(plan, How()) == cautions(plan, How(micro_batch=4096)) == []


def test_what_a_notebook_shows_of_a_plan_is_one_line(study_file: StudyFile, tiny: Path, tmp_path: Path) -> None:
    made = package.plan(study_file(), scale=tiny, runs_dir=tmp_path / "runs")
    assert repr(made) == str(made)
    assert "\n" not in repr(made)


@pytest.mark.parametrize("command", ["plan", "run", "report", "evaluate"])
def test_a_function_takes_the_options_of_its_command(command: str) -> None:
    renamed = {"all": "everything", "table": "paper_table", "preset": "model"}
    renamed |= {"jobs": "devices"} if command == "plan" else {}
    known = set(vars(_parser().parse_args([command, "s"]))) - {"module", "function", "debug", "json"}
    parameters = set(inspect.signature(getattr(package, command)).parameters)
    assert {renamed.get(name, name) for name in known} == parameters
