"""`studies run` from its start to its end, in processes of its own."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from support import Studies, StudyFile, accuracies, one_line

from studies.store.checkpoints import save_checkpoint
from studies.store.store import Store
from studies.training.trainer import Trainer


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

    # One trial of the other store is made to fail: it goes on from weights that are not numbers.
    broken = sorted(accuracies(tmp_path / "a"))[0]
    store = Store(tmp_path / "b")
    store.prepare()
    state = Trainer(Store(tmp_path / "a").trial(broken)).state_dict()
    weights = {name: torch.full_like(tensor, torch.nan) for name, tensor in state["model"].items()}
    save_checkpoint(store, broken, 0, state | {"model": weights})

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

    store.forget(broken)
    mended = studies("run", study, "--scale", str(tiny), "--seeds", "2", "--jobs", "2", "--runs-dir", "b")
    assert mended.returncode == 0, mended.stderr
    assert "4 trials, 3 done already" in mended.stderr
    assert accuracies(tmp_path / "b") == expected
    assert mended.stdout == inline.stdout


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
    assert "Arms of mine that table 7 of the paper has not" in done.stdout
    assert "T2T-ViT-Two" in done.stdout.split("of the paper has not")[1]


@pytest.mark.slow
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
    nobody = studies("run", study, *at, "--fresh", "--address", "127.0.0.1:9")
    assert nobody.stderr.strip().endswith("no Ray cluster at --address 127.0.0.1:9: Connection refused")
    assert nobody.returncode == 2
    typed = studies("run", study, *at, "--fresh", "--device-type", "H100")
    assert "--device-type H100: this machine has no GPU" in one_line(typed)
    assert accuracies(tmp_path / "runs") == before
    refused = studies("run", study, "--scale", str(tiny), "--seeds", "9", "--address", "127.0.0.1:9")
    assert refused.returncode == 2
    assert len(list((tmp_path / "runs" / "trials").iterdir())) == 2, "nothing is planned by a run that is refused"


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
        "data.train_size",
        "recipe.epochs",
        "teacher.kind",
        "pretrained",
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


@pytest.mark.slow
def test_a_damaged_record_of_a_finished_parent_blocks_nobody(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    study = str(study_file(arms={"a": {}, "b": {"pretrained": "a"}}))
    command = ["run", study, "--scale", str(tiny), "--seeds", "1", "--executor", "inline"]
    first = studies(*command)
    assert first.returncode == 0, first.stderr
    expected = accuracies(tmp_path / "runs")
    store = Store(tmp_path / "runs")
    (child,) = [i for i in store.ids() if store.trial(i).needs]
    (parent,) = store.trial(child).needs
    store.forget(child)
    record = tmp_path / "runs" / "trials" / parent / "trial.json"
    record.write_bytes(record.read_bytes()[:100])
    again = studies(*command)
    assert again.returncode == 0, again.stderr
    assert "2 trials, 1 done already" in again.stderr
    assert accuracies(tmp_path / "runs") == expected


@pytest.mark.slow
def test_a_piped_run_tells_what_happens_in_plain_lines(studies: Studies, study_file: StudyFile, tiny: Path) -> None:
    done = studies("run", str(study_file()), "--scale", str(tiny), "--seeds", "1", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    told = ["starting Ray", "training 2 trials", "a, seed 0: started", "[1/2] a, seed 0: top-1", "b, seed 0: started"]
    places = [next(i for i, line in enumerate(lines) if line.startswith(text)) for text in told]
    assert places[:3] == sorted(places[:3])
    assert places[2] < places[3]
