"""The command line, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Studies = Callable[..., subprocess.CompletedProcess[str]]
StudyFile = Callable[..., Path]


def one_line(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The only line of an error."""
    assert done.returncode == status, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def accuracies(runs: Path) -> dict[str, tuple]:
    """Final figures and history of every finished trial, without what the clock says."""
    found = {}
    for path in sorted(runs.glob("trials/*/result.json")):
        result = json.loads(path.read_text())
        found[path.parent.name] = tuple((r["top1"], r["loss"], r["train_loss"]) for r in result["history"])
    return found


def test_help_teaches(studies: Studies) -> None:
    assert "a first session" in studies("--help").stdout
    for command in ("list", "show", "plan", "run", "report", "cost"):
        assert "example: studies" in studies(command, "--help").stdout


def test_list_names_studies_scales_and_presets(studies: Studies) -> None:
    content = json.loads(studies("list", "--json").stdout)
    assert "cnn_to_vit" in [study["name"] for study in content["studies"]]
    assert "digits" in [scale["name"] for scale in content["scales"]]
    assert "t2t_vit_14" in content["presets"]
    assert "cnn_to_vit" in studies("list").stdout


def test_show_prints_what_differs_from_the_base(studies: Studies) -> None:
    text = studies("show", "cnn_to_vit").stdout
    assert "ViT-DN: backbone.embed_dim=384, backbone.depth=16, backbone.num_heads=6\n" in text
    small = studies("show", "cnn_to_vit", "--scale", "digits").stdout
    assert "AlexNet: not at this scale: alexnet takes pictures of at least 63 pixels" in small
    arms = json.loads(studies("show", "cnn_to_vit", "--json").stdout)["arms"]
    assert arms[-1]["model"]["backbone"]["attention"] == "ghost"


def test_show_compares_two_arms(studies: Studies) -> None:
    text = studies("show", "cnn_to_vit", "--diff", "T2T-ViT-14", "T2T-ViT-Ghost").stdout
    assert text.splitlines() == [
        "backbone.depth: 14 -> 16",
        "backbone.attention: full -> ghost",
        "backbone.mlp: full -> ghost",
    ]
    assert "did you mean T2T-ViT-14" in one_line(studies("show", "cnn_to_vit", "--diff", "T2T-ViT-13", "ViT-SE"))


def test_the_schema_knows_the_keys_of_a_study_file(studies: Studies) -> None:
    schema = json.loads(studies("schema").stdout)
    assert {"study", "base", "arms", "groups", "ablate", "grid", "extends"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_cost_prints_one_spec(studies: Studies) -> None:
    figures = json.loads(studies("cost", "t2t_vit_14", "--json").stdout)
    assert figures["params"] == 21_545_550
    assert 4.79e9 < figures["macs"] < 4.81e9
    text = studies("cost", "t2t_vit_14", "backbone.depth=16", "-v").stdout
    assert "blocks.15" in text
    assert "24.502 M" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "cnn_to_vti"], "did you mean cnn_to_vit"),
        (["plan", "cnn_to_vit", "--scale", "digit"], "did you mean digits"),
        (["run", "cnn_to_vit", "--only", "ViT-SEE"], "did you mean ViT-SE"),
        (["run", "cnn_to_vit", "--only", "AlexNet"], "no arm can be had at scale digits"),
        (["cost", "t2t_vit_14", "backbone.deth=3"], "did you mean backbone.depth"),
        (["cost", "t2t_vit_14", "backbone.num_heads=7"], "num_heads must divide embed_dim"),
        (["cost", "t2t_vit14"], "did you mean t2t_vit_14"),
        (["run", "nowhere.yaml"], "cannot read nowhere.yaml"),
        (["report"], "say which table"),
        (["report", "--table", "6", "--figure", "f.bmp"], "a figure is written as .png"),
        (["report", "--table", "6", "--figure", "f.png"], "nothing is trained yet"),
        (["report", "--table", "8"], "no study reproduces table 8"),
        (["run", "cnn_to_vit", "--runs-dir", "/proc/runs"], "cannot write to /proc/runs"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(studies: Studies, arguments: list[str], message: str) -> None:
    assert message in one_line(studies(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "cnn_to_vit", "--seeds", "x"],
        ["run", "cnn_to_vit", "--jobs", "0"],
        ["run", "cnn_to_vit", "--gpus-per-trial", "-1"],
        ["run", "cnn_to_vit", "--gpus-per-trial", "nan"],
        ["run", "cnn_to_vit", "--seeds", "00"],
        ["fly"],
    ],
)
def test_wrong_usage_is_exit_status_2(studies: Studies, arguments: list[str]) -> None:
    done = studies(*arguments)
    assert done.returncode == 2
    assert "usage: studies" in done.stderr


def test_a_typing_error_in_a_study_file_is_named_with_file_and_line(studies: Studies, study_file: StudyFile) -> None:
    path = study_file(arms={"a": {}, "b": {"backbone.dept": 8}})
    assert f"{path}:6: b: unknown field 'backbone.dept'; did you mean backbone.depth" in one_line(
        studies("run", str(path))
    )


def test_report_before_any_training_prints_the_paper_and_how_to_train(studies: Studies, tmp_path: Path) -> None:
    done = studies("report", "--table", "6")
    assert done.returncode == 0, done.stderr
    assert "Wide-ResNet18x1.5" in done.stdout
    assert "studies run cnn_to_vit" in done.stdout
    rows = json.loads(studies("report", "--table", "6", "--format", "json").stdout)
    assert len(rows) == 23
    assert all(row["top1"] is None and row["params_m"] > 1 for row in rows)
    assert not (tmp_path / "runs").exists(), "a report writes nothing to a store that is not there"


@pytest.mark.slow
def test_plan_run_report_and_run_again(studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path) -> None:
    study = str(study_file())
    at = ("--scale", str(tiny))
    plan = json.loads(studies("plan", study, *at, "--seeds", "2", "--json").stdout)
    assert [row["status"] for row in plan["trials"]] == ["planned"] * 4
    assert plan["wall_seconds"] > 0
    assert not (tmp_path / "runs").exists(), "a plan keeps nothing"

    first = studies("run", study, *at, "--seeds", "2", "--executor", "inline")
    assert first.returncode == 0, first.stderr
    assert "4 trials, 0 done already" in first.stderr
    assert "[4/4]" in first.stderr
    assert "± " in first.stdout
    results = accuracies(tmp_path / "runs")
    assert len(results) == 4

    again = studies("run", study, *at, "--seeds", "2", "--executor", "inline")
    assert "nothing to train" in again.stderr
    assert again.stdout == first.stdout

    renamed = str(study_file(study="other", arms={"x": {}, "y": {"backbone.depth": 8}, "z": {"backbone.depth": 28}}))
    more = studies("run", renamed, *at, "--seeds", "3", "--executor", "inline")
    assert "9 trials, 4 done already" in more.stderr, "names change nothing; an arm and a seed more train only that"
    assert {key: accuracies(tmp_path / "runs")[key] for key in results} == results

    frame = pd.read_csv(pd.io.common.StringIO(studies("report", renamed, *at, "--format", "csv").stdout))
    assert len(frame) == 9
    assert frame["status"].eq("done").all()
    assert frame["top1"].between(0, 100).all()

    fresh = studies("run", renamed, *at, "--seeds", "0,", "--executor", "inline", "--fresh")
    assert "3 trials, 0 done already" in fresh.stderr
    assert accuracies(tmp_path / "runs").keys() >= results.keys()
    assert {k: v for k, v in accuracies(tmp_path / "runs").items() if k in results} == results


@pytest.mark.slow
def test_ray_gives_the_numbers_of_inline_and_survives_a_failing_trial(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    study = str(study_file())
    inline = studies("run", study, "--scale", str(tiny), "--seeds", "2", "--executor", "inline", "--runs-dir", "a")
    assert inline.returncode == 0, inline.stderr

    # One trial of the other store is made to fail: its checkpoint is of another model.
    import torch

    broken = sorted(accuracies(tmp_path / "a"))[0]
    folder = tmp_path / "b" / "trials" / broken
    folder.mkdir(parents=True)
    torch.save({"model": {}, "optimizer": {}}, folder / "checkpoint.pt")

    ray = studies("run", study, "--scale", str(tiny), "--seeds", "2", "--jobs", "2", "--runs-dir", "b")
    assert ray.returncode == 1, ray.stderr
    assert "scheduled by Ray Tune" in ray.stderr
    assert "failed: " in ray.stderr
    assert "traceback.txt" in ray.stderr
    expected = accuracies(tmp_path / "a")
    got = accuracies(tmp_path / "b")
    assert got == {key: value for key, value in expected.items() if key != broken}
    assert len(ray.stdout.splitlines()) < 20, "Ray's own console is silent"
    assert "ray" not in ray.stdout.lower()

    (folder / "checkpoint.pt").unlink()
    mended = studies("run", study, "--scale", str(tiny), "--seeds", "2", "--jobs", "2", "--runs-dir", "b")
    assert mended.returncode == 0, mended.stderr
    assert "4 trials, 3 done already" in mended.stderr
    assert accuracies(tmp_path / "b") == expected
    assert mended.stdout == inline.stdout


def start(arguments: list[str], tmp_path: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "studies.cli", *arguments]
    return subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_checkpoint(runs: Path, process: subprocess.Popen[str]) -> None:
    """Until some trial has trained an epoch and is not done."""
    deadline = time.monotonic() + 120
    while not list(runs.glob("trials/*/checkpoint.pt")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


@pytest.fixture
def long(tiny: Path) -> Path:
    """A scale whose trials take some seconds, so that a kill falls into the middle."""
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 30"))
    return tiny


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["ray", "inline"])
def test_after_kill_9_the_same_command_finishes_with_the_same_numbers(
    studies: Studies,
    study_file: StudyFile,
    long: Path,
    tmp_path: Path,
    environment: dict[str, str],
    executor: str,
) -> None:
    study = str(study_file())
    whole = studies("run", study, "--scale", str(long), "--seeds", "1", "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    command = [
        "run",
        study,
        "--scale",
        str(long),
        "--seeds",
        "1",
        "--executor",
        executor,
        "--runs-dir",
        "killed",
    ]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert accuracies(tmp_path / "killed") != accuracies(tmp_path / "whole")

    rest = studies(*command)
    assert rest.returncode == 0, rest.stderr
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")
    assert rest.stdout == whole.stdout


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_the_numbers_are_the_same(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    study = str(study_file())
    whole = studies("run", study, "--scale", str(long), "--seeds", "1", "--executor", "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    command = ["run", study, "--scale", str(long), "--seeds", "1", "--jobs", "1", "--runs-dir", "killed"]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    lease = next((tmp_path / "killed").glob("trials/*/lease.json"))
    worker = json.loads(lease.read_text())["pid"]
    assert worker != process.pid
    os.kill(worker, signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["ray", "inline"])
def test_two_runs_on_one_store_and_ctrl_c(
    studies: Studies, study_file: StudyFile, long: Path, tmp_path: Path, environment: dict[str, str], executor: str
) -> None:
    command = ["run", str(study_file()), "--scale", str(long), "--seeds", "1", "--executor", executor]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "runs", process)
    assert "another run is using" in one_line(studies(*command))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().endswith("studies: stopped; the same command goes on from the last epoch")
    assert "Traceback" not in errors
    assert studies(*command).returncode == 0


@pytest.mark.slow
def test_an_arm_without_its_baseline_is_reported_without_a_verdict(
    studies: Studies, tiny: Path, tmp_path: Path
) -> None:
    at = ("--scale", str(tiny), "--seeds", "1")
    done = studies("run", "cnn_to_vit", "--only", "ViT-SE", *at, "--executor", "inline")
    assert done.returncode == 0, done.stderr
    assert "its baseline ViT-S/16 is not trained" in " ".join(done.stdout.split())
    row = next(line for line in done.stdout.split("as trained here")[1].splitlines() if "ViT-SE" in line)
    assert "unresolved" not in row
    rows = json.loads(studies("report", "--table", "6", *at, "--format", "json").stdout)
    assert [row["model"] for row in rows if row["top1"] is not None] == ["ViT-SE"]


@pytest.mark.slow
def test_an_arm_that_the_paper_has_not_is_shown_beside_its_table(studies: Studies, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "study: mine\npaper: {table: 7}\ngroups:\n  T2T module:\n    base: t2t_vit_14\n"
        "    arms: {T2T-ViT-14: {}, T2T-ViT-Two: {backbone.depth: 2}}\n"
    )
    done = studies("run", str(path), "--scale", str(tiny), "--seeds", "2", "--executor", "inline")
    assert done.returncode == 0, done.stderr
    assert "Arms of mine that the paper has not" in done.stdout
    assert "T2T-ViT-Two" in done.stdout.split("the paper has not")[1]


def test_a_refused_run_loses_nothing(studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path) -> None:
    study = str(study_file())
    at = ("--scale", str(tiny), "--seeds", "1")
    assert studies("run", study, *at, "--executor", "inline").returncode == 0
    before = accuracies(tmp_path / "runs")
    assert "this machine has 0 GPU(s)" in one_line(studies("run", study, *at, "--fresh", "--gpus-per-trial", "1"))
    assert "--gpus-per-trial 1.5" in one_line(studies("run", study, *at, "--fresh", "--gpus-per-trial", "1.5"))
    assert "one trial at a time" in one_line(
        studies("run", study, *at, "--fresh", "--executor", "inline", "--jobs", "2")
    )
    assert accuracies(tmp_path / "runs") == before


@pytest.mark.slow
def test_results_in_a_notebook(studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path) -> None:
    import studies as package

    study = study_file()
    assert studies("run", str(study), "--scale", str(tiny), "--seeds", "1", "--executor", "inline").returncode == 0
    frame = package.results(str(study), runs_dir=tmp_path / "runs", scale=str(tiny), seeds=[0])
    assert frame["arm"].tolist() == ["a", "b"]
    needed = {
        "study",
        "group",
        "arm",
        "seed",
        "scale",
        "top1",
        "top5",
        "loss",
        "params",
        "macs",
        "activations",
    }
    needed |= {
        "seconds",
        "images_per_second",
        "peak_memory_mb",
        "status",
        "version_torch",
        "model.backbone.depth",
    }
    assert needed <= set(frame)
    assert (frame["top5"] >= frame["top1"]).all()
    frame.to_parquet(tmp_path / "f.parquet")
    epochs = package.history(str(study), runs_dir=tmp_path / "runs", scale=str(tiny), seeds=[0])
    assert epochs["epoch"].tolist() == [1, 2, 1, 2]
    assert epochs.groupby("arm")["top1"].last().tolist() == frame.set_index("arm")["top1"].loc[["a", "b"]].tolist()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three classes of four pictures, each of one colour."""
    from PIL import Image

    for i, colour in enumerate(("red", "green", "blue")):
        folder = tmp_path / "val" / f"n{i}"
        folder.mkdir(parents=True)
        for j in range(4):
            Image.new("RGB", (80, 72), colour).save(folder / f"{j}.png")
    return tmp_path / "val"


def weights_for(path: Path, num_classes: int = 3) -> Path:
    """A checkpoint that always says class 1."""
    import torch

    from searchspace.build import build
    from searchspace.expand import override
    from searchspace.presets import preset

    model = build(override(preset("t2t_vit_7"), {"num_classes": num_classes}))
    torch.nn.init.zeros_(model.head.weight)
    model.head.bias.data[1] = 5.0
    torch.save({"state_dict_ema": {f"module.{k}": v for k, v in model.state_dict().items()}}, path)
    return path


def test_evaluate_prints_the_accuracy_of_a_file_on_a_folder(studies: Studies, pictures: Path, tmp_path: Path) -> None:
    weights = weights_for(tmp_path / "w.pth.tar")
    command = [
        "evaluate",
        "t2t_vit_7",
        "num_classes=3",
        "img_size=64",
        "--weights",
        str(weights),
        "--data",
        str(pictures),
    ]
    figures = json.loads(studies(*command, "--workers", "0", "--json").stdout)
    assert figures["pictures"] == 12
    assert figures["top1"] == pytest.approx(100 / 3)
    assert figures["top5"] == 100.0
    done = studies(*command, "--workers", "0")
    assert "top-1   33.33 %" in done.stdout
    assert "the position table was resized from 14 x 14 to 4 x 4 tokens" in done.stderr


def test_evaluate_refuses_what_does_not_fit(studies: Studies, pictures: Path, tmp_path: Path) -> None:
    weights, data = str(weights_for(tmp_path / "w.pth.tar", 7)), str(pictures)
    (tmp_path / "torn.pth").write_bytes(Path(weights).read_bytes()[:999])
    for arguments, message in (
        (["t2t_vit_7", "--weights", weights, "--data", data], "has 3 folders of pictures, the model 1000 classes"),
        (["t2t_vit_7", "num_classes=3", "--weights", weights, "--data", data], "head is for 7 classes"),
        (["t2t_vit_10", "num_classes=3", "--weights", weights, "--data", data], "of another model; missing: blocks.7"),
        (["t2t_vit_7", "num_classes=3", "--weights", str(tmp_path / "torn.pth"), "--data", data], "torn"),
        (["t2t_vit_7", "--weights", weights, "--data", str(tmp_path / "none")], "no such folder"),
        (["resnet50", "--weights", weights, "--data", data], "one of timm's"),
    ):
        assert message in one_line(studies("evaluate", *arguments))
