"""`studies report`: what it says of what is not there."""

import shlex
from pathlib import Path

import pytest
from support import Studies, StudyFile, one_line

import studies as package
from studies.language.scale_file import load_scale
from studies.store.errors import NoStoreWarning
from studies.store.store import Store

UNTRAINED = "To train it: "


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [(), ("--seeds", "3,")])
def test_the_command_that_a_report_names_trains_what_it_shows(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path, seeds: tuple[str, ...]
) -> None:
    folder = tmp_path / "a study"
    folder.mkdir()
    study = study_file(seeds=1).rename(folder / "mine.yaml").relative_to(tmp_path)
    asked = ["report", str(study), "--scale", tiny.name, "--runs-dir", "elsewhere", *seeds]
    last = studies(*asked).stdout.splitlines()[-1]
    assert f"at scale tiny in the store {tmp_path}/elsewhere. " in last
    command = shlex.split(last.partition(UNTRAINED)[2])
    assert command[:3] == ["studies", "run", str(study)]
    done = studies(*command[1:], "--executor", "inline")
    assert done.returncode == 0, done.stderr
    assert UNTRAINED not in studies(*asked).stdout


def test_the_command_leaves_out_what_is_default(
    study_file: StudyFile, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = study_file(scale="tiny.yaml", seeds=2)

    def command(**asked: object) -> str:
        with pytest.warns(NoStoreWarning):
            return package.report(study, **asked).strip().rpartition(UNTRAINED)[2]  # type: ignore[arg-type]

    plain = f"studies run {study}"
    assert command() == plain
    assert command(scale=load_scale(str(tiny)), seeds=2) == plain
    assert command(scale="digits", seeds=4) == f"{plain} --scale digits --seeds 4"
    monkeypatch.setenv("STUDIES_RUNS_DIR", "mine")
    assert command(runs_dir="mine") == plain
    unknown = load_scale(str(tiny)).model_copy(update={"scale": "of_python"})
    with pytest.warns(NoStoreWarning):
        assert UNTRAINED not in package.report(study, scale=unknown)


@pytest.mark.slow
def test_a_store_that_is_not_there_is_said(studies: Studies, study_file: StudyFile, tmp_path: Path) -> None:
    study = str(study_file())
    for command in (["report", study], ["store", "ls"], ["store", "verify"], ["store", "export", study]):
        done = studies(*command, "--runs-dir", "nowhere")
        assert done.returncode == 0
        assert one_line(done, 0).startswith(f"studies: there is no store at {tmp_path}/nowhere, so"), command
    assert f"no store at {tmp_path}/nowhere" in one_line(studies("store", "migrate", "--runs-dir", "nowhere"))
    assert (
        f"store: {tmp_path}/nowhere, which is not there yet" in studies("plan", study, "--runs-dir", "nowhere").stdout
    )
    assert not (tmp_path / "nowhere").exists()


def test_a_frame_names_the_store_and_the_scale_that_were_read(
    study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    root = str(tmp_path / "mine")
    monkeypatch.setenv("STUDIES_RUNS_DIR", root)
    for read in (package.results, package.history):
        with pytest.warns(NoStoreWarning, match="no store at .*mine"):
            assert read(study_file()).attrs == {"study": "s", "scale": "digits", "store": root}
    Store(root).prepare()
    recwarn.clear()
    assert package.results(study_file()).attrs["store"] == root
    assert not recwarn.list, "an empty store is a store"


@pytest.mark.slow
def test_every_command_reads_the_store_of_the_environment(
    studies: Studies,
    study_file: StudyFile,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(environment, "STUDIES_RUNS_DIR", "mine")
    study = str(study_file())
    for command in (["report", study], ["store", "ls"], ["store", "verify"], ["store", "export"]):
        assert f"no store at {tmp_path}/mine," in studies(*command).stderr, command
    assert f"store: {tmp_path}/mine, which is not there yet" in studies("plan", study).stdout
    monkeypatch.setitem(environment, "STUDIES_RUNS_DIR", "")
    assert f"no store at {tmp_path}/runs," in studies("store", "ls").stderr, "as where it is not set"


@pytest.mark.slow
def test_claims_are_told_before_anything_is_trained_and_how_to_train_it(studies: Studies) -> None:
    done = studies("report", "--claims", "--scale", "cifar10")
    assert done.returncode == 0, done.stderr
    assert "15 claims: not trained 15." in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.endswith("studies run cnn_to_vit --scale cifar10 and studies run t2t_ablation --scale cifar10")


@pytest.mark.slow
def test_claims_are_no_table(studies: Studies) -> None:
    told = "studies: say which table: --table 6, the name of a study, or --claims"
    assert one_line(studies("report", "--claims", "--table", "6")) == told


@pytest.mark.slow
def test_a_page_shows_what_was_trained_and_says_how_to_train_what_was_not(
    studies: Studies, study_file: StudyFile, tiny: Path
) -> None:
    study = str(study_file(seeds=2))
    asked = ["report", study, "--scale", str(tiny), "--format", "html"]
    empty = studies(*asked)
    assert empty.returncode == 0, empty.stderr
    assert f"Nothing is trained yet. To train it: studies run {study}" in empty.stdout
    assert "<svg" not in empty.stdout
    done = studies("run", study, "--scale", str(tiny), "--executor", "inline")
    assert done.returncode == 0, done.stderr
    page = studies(*asked).stdout
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") == 5
    store = Store(done.stderr.partition("store: ")[2].split()[0])
    assert all(trial in page for trial in store.ids()), "each point says which trial it is"
    assert one_line(studies(*asked, "--figure", "x.png")).endswith("a page has its figures in it")
