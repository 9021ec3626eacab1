"""`studies store ...` on a store that was never trained: made through the store itself."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from support import Studies, one_line

from searchspace.expand import SpecError
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.cli.parser import main
from studies.cli.store import summary
from studies.language.scale_file import load_scale
from studies.store.leases import acquire
from studies.store.lookup import trial_named
from studies.store.store import Store
from studies.trials.trial import TrialSpec

SCALE = load_scale("digits")


def small(name: str = "vit_s_16", seed: int = 0, **changes: Any) -> TrialSpec:
    model = shrink(preset(name), SCALE.shrink, 16, 3, 10)
    return TrialSpec(model=model, data=SCALE.data, recipe=SCALE.recipe, seed=seed, **changes)


VIT, AGAIN, T2T, CNN = small(), small(seed=1), small("t2t_vit_14"), small("resnet50")
CHILD = small(seed=2, pretrained=VIT.id)


def result(top1: float, epochs: int = 2) -> dict[str, Any]:
    """What training leaves, in short."""
    names = ("lr", "train_loss", "loss", "top5", "test_pictures", "train_seconds", "seconds", "images_per_second")
    history = [
        {"epoch": i + 1, "epochs": epochs, "top1": top1 - 1 / (i + 3)} | dict.fromkeys(names, 1 / 3 + i)
        for i in range(epochs)
    ]
    figures = dict.fromkeys(("top5", "loss", "train_loss", "seconds", "images_per_second", "peak_memory_mb"), 2 / 3)
    counts = dict.fromkeys(("params", "trainable", "macs", "activations"), 12345)
    where = {"device": "x86_64 CPU, 1 thread", "host": "here", "versions": {"torch": "2.6"}, "pretrained_share": None}
    return {"top1": top1, **figures, **counts, **where, "history": history}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three trials that are done, one that failed, one that is planned."""
    store = Store(tmp_path / "runs")
    store.prepare()
    for trial in (VIT, AGAIN, T2T, CNN, CHILD):
        store.plan(trial)
    store.finish(VIT.id, result(91.5), b"weights")
    store.finish(AGAIN.id, result(90.25, epochs=3))
    store.finish(CNN.id, result(88.125))
    store.fail(T2T.id, "TrainingError: the loss is nan", "line 7")
    return store


def ids(*trials: TrialSpec) -> set[str]:
    return {trial.id for trial in trials}


def change(store: Store, trial: TrialSpec, name: str, old: bytes, new: bytes) -> None:
    path = f"trials/{trial.id}/{name}"
    content = store.files.read(path)
    assert content is not None and old in content
    store.files.write(path, content.replace(old, new))


# ls


def test_ls_has_a_line_for_each_trial_and_counts_them(studies: Studies, store: Store) -> None:
    listed = studies("store", "ls")
    assert (listed.returncode, listed.stderr) == (0, "")
    lines = listed.stdout.splitlines()
    assert lines[-1] == f"5 trials: 1 planned, 3 done, 1 failed; {store.root}"
    row = next(line for line in lines if line.startswith(VIT.id))
    assert row.split("  ")[0] == VIT.id
    assert " done " in row and summary(VIT.model) in row and row.endswith("91.5")
    order = [line[:16] for line in lines[2:7]]
    assert order.index(VIT.id) < order.index(AGAIN.id) < order.index(CHILD.id), "seeds of a model in order"


def test_ls_for_programs_has_all_states(studies: Studies, store: Store) -> None:
    rows = {row["trial"]: row for row in json.loads(studies("store", "ls", "--json").stdout)}
    assert rows.keys() == ids(VIT, AGAIN, T2T, CNN, CHILD)
    assert rows[VIT.id] == {
        "trial": VIT.id,
        "status": "done",
        "model": summary(VIT.model),
        "training": "digits 8192 x 4",
        "seed": 0,
        "top1": 91.5,
        "needs": [],
    }
    assert rows[CHILD.id]["status"] == "planned" and rows[CHILD.id]["needs"] == [VIT.id]
    assert rows[T2T.id]["status"] == "failed" and rows[T2T.id]["top1"] is None


def test_ls_shows_what_is_damaged_and_goes_on(studies: Studies, store: Store) -> None:
    change(store, VIT, "result.json", b"91.5", b"99.5")
    store.files.write(f"trials/{CNN.id}/trial.json", b"{")
    rows = {row["trial"]: row for row in json.loads(studies("store", "ls", "--json").stdout)}
    assert rows[VIT.id]["status"] == rows[CNN.id]["status"] == "damaged"
    assert rows[VIT.id]["top1"] is None
    assert rows[CNN.id]["model"] == "?"
    listed = studies("store", "ls", "--status", "damaged")
    assert listed.stdout.splitlines()[-1] == f"2 trials: 2 damaged; {store.root}"


def test_ls_of_one_status(studies: Studies, store: Store) -> None:
    lease = acquire(store.files, CHILD.id, "a run")
    for status, trials in (("running", [CHILD]), ("failed", [T2T])):
        rows = json.loads(studies("store", "ls", "--status", status, "--json").stdout)
        assert [row["trial"] for row in rows] == [trial.id for trial in trials]
    lease.release()
    assert studies("store", "ls", "--status", "pruned").stdout == f"no trials in {store.root}\n"
    assert one_line(studies("store", "ls", "--status", "ended")).startswith(
        "studies: unknown --status 'ended'; did you"
    )


def test_ls_where_there_is_no_store_makes_none(studies: Studies, tmp_path: Path) -> None:
    assert studies("store", "ls").stdout == f"no trials in {tmp_path}/runs\n"
    assert studies("store", "ls", "--json").stdout == "[]\n"
    assert not (tmp_path / "runs").exists()


def test_a_store_of_a_newer_version_is_refused_by_every_command(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store.files.write("store.json", b'{"schema_version": 99}')
    for command in (["ls"], ["show", VIT.id], ["rm", VIT.id, "--yes"], ["verify"], ["export"], ["migrate"]):
        assert main(["store", *command]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert "newer version" in line and "--runs-dir" in line
    assert len(store.ids()) == 5 and not (tmp_path / "export").exists()


# show


def test_show_has_spec_figures_and_epochs(studies: Studies, store: Store) -> None:
    shown = studies("store", "show", AGAIN.id)
    assert (shown.returncode, shown.stderr) == (0, "")
    record, _, epochs = shown.stdout.partition("\n\n")
    content = yaml.safe_load(record)
    assert content["trial"] == AGAIN.id
    assert content["status"] == "done"
    assert content["folder"] == store.folder(AGAIN.id)
    assert content["result"]["top1"] == 90.25
    assert content["spec"] == AGAIN.model_dump(mode="json")
    assert epochs.split()[:8] == ["epoch", "lr", "train_loss", "loss", "top1", "top5", "test_pictures", "seconds"]
    assert len(epochs.splitlines()) == 2 + 3
    assert json.loads(studies("store", "show", AGAIN.id, "--json").stdout)["result"] == store.result(AGAIN.id)


def test_show_says_why_a_trial_failed_or_was_stopped(studies: Studies, store: Store) -> None:
    content = json.loads(studies("store", "show", T2T.id, "--json").stdout)
    assert content["status"] == "failed"
    assert content["failure"]["reason"] == "TrainingError: the loss is nan"
    assert "result" not in content
    store.prune(CHILD.id, 2, 40.0, "a run")
    content = json.loads(studies("store", "show", CHILD.id, "--json").stdout)
    assert (content["status"], content["pruned"]["epoch"]) == ("pruned", 2)
    assert content["spec"]["pretrained"] == VIT.id


def test_show_of_a_damaged_trial_shows_no_figures(studies: Studies, store: Store) -> None:
    change(store, VIT, "result.json", b"91.5", b"99.5")
    shown = studies("store", "show", VIT.id)
    assert shown.returncode == 0
    assert "status: damaged" in shown.stdout and "99.5" not in shown.stdout


def test_the_start_of_an_id_is_enough_if_it_is_of_one(studies: Studies, store: Store) -> None:
    length = next(n for n in range(1, 17) if sum(name.startswith(VIT.id[:n]) for name in store.ids()) == 1)
    assert studies("store", "show", VIT.id[:length]).stdout.startswith(f"trial: {VIT.id}\n")
    twin = VIT.id[:8] + "f" * 8
    store.files.write(f"trials/{twin}/trial.json", b"{}")
    line = one_line(studies("store", "show", VIT.id[:8]))
    assert f"more than one trial starts with '{VIT.id[:8]}'" in line
    assert VIT.id in line and twin in line
    assert studies("store", "show", VIT.id).returncode == 0, "a whole id is of one"


def test_an_unknown_id_is_one_line_with_the_nearest(studies: Studies, store: Store) -> None:
    near = VIT.id[:-1] + ("0" if VIT.id[-1] != "0" else "1")
    line = one_line(studies("store", "show", near))
    assert f"no trial '{near}' in {store.root}" in line
    assert VIT.id in line and "(`studies store ls` shows all)" in line
    wrong = VIT.id[:5] + ("0" if VIT.id[5] != "0" else "1")  # of the start that a user gives
    with pytest.raises(SpecError, match=f"^no trial '{wrong}' in .*; did you mean {VIT.id[:6]}"):
        trial_named(store, wrong)
    assert "no trial 'x'" in one_line(studies("store", "rm", "x", "--yes"))


# rm


def test_rm_needs_yes_when_nobody_can_be_asked(studies: Studies, store: Store) -> None:
    refused = studies("store", "rm", VIT.id)
    assert "nothing removed: add --yes to remove 1 trial" in one_line(refused)
    assert VIT.id in refused.stdout, "it says which"
    assert store.done(VIT.id)
    done = studies("store", "rm", VIT.id, VIT.id[:12], CHILD.id, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"2 trials removed from {store.root}"
    assert set(store.ids()) == ids(AGAIN, T2T, CNN)


def test_rm_of_nothing_named_is_refused(studies: Studies, store: Store) -> None:
    assert "--status" in one_line(studies("store", "rm", "--yes"))
    assert len(store.ids()) == 5


def test_rm_of_a_status(studies: Studies, store: Store) -> None:
    assert "0 trials removed" in studies("store", "rm", "--status", "damaged", "--yes").stdout
    assert "1 trial removed" in studies("store", "rm", "--status", "failed", "--yes").stdout
    assert set(store.ids()) == ids(VIT, AGAIN, CNN, CHILD)


def test_rm_takes_what_is_damaged(studies: Studies, store: Store) -> None:
    store.files.write(f"trials/{CNN.id}/trial.json", b"{")
    change(store, VIT, "result.json", b"91.5", b"99.5")
    assert "2 trials removed" in studies("store", "rm", CNN.id, "--status", "damaged", "--yes").stdout
    assert set(store.ids()) == ids(AGAIN, T2T, CHILD)


def test_rm_leaves_what_a_run_trains_now(studies: Studies, store: Store) -> None:
    acquire(store.files, CHILD.id, "a run")
    assert f"a run trains {CHILD.id} now" in one_line(studies("store", "rm", CHILD.id, VIT.id, "--yes"))
    assert len(store.ids()) == 5


# verify


def test_verify_finds_a_changed_byte(studies: Studies, store: Store) -> None:
    whole = studies("store", "verify")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout == f"5 trials, 0 with problems; {store.root}\n"
    change(store, VIT, "result.json", b"91.5", b"91.6")
    found = studies("store", "verify")
    assert found.returncode == 1
    first, last = found.stdout.splitlines()
    assert f"{store.folder(VIT.id)}/result.json is damaged" in first
    assert last == f"5 trials, 1 with problems; {store.root}"


def test_verify_reads_trials_weights_and_checkpoints(studies: Studies, store: Store) -> None:
    change(store, VIT, "weights.safetensors", b"w", b"v")
    change(store, AGAIN, "trial.json", b'"seed": 1', b'"seed": 3')
    store.files.write(f"trials/{CHILD.id}/checkpoint-3-{'0' * 16}.pt", b"torn")
    found = studies("store", "verify", "--json")
    assert found.returncode == 1
    content = json.loads(found.stdout)
    assert content["trials"] == 5
    assert content["problems"].keys() == ids(VIT, AGAIN, CHILD)
    assert "weights.safetensors" in content["problems"][VIT.id][0]
    assert "trial.json is damaged" in content["problems"][AGAIN.id][0]
    assert "torn or changed" in content["problems"][CHILD.id][0]


def test_verify_of_no_store_is_well(studies: Studies) -> None:
    assert studies("store", "verify").stdout.startswith("0 trials, 0 with problems")


# export


def frames(folder: Path, name: str) -> pd.DataFrame:
    """A frame as it was exported: its Parquet file, the CSV file being the same."""
    parquet = pd.read_parquet(folder / f"{name}.parquet")
    # What CSV cannot tell: the types of columns. So the Parquet file's frame goes through CSV too.
    assert (folder / f"{name}.csv").read_text() == parquet.to_csv(index=False)
    csv = pd.read_csv(folder / f"{name}.csv")
    pd.testing.assert_frame_equal(csv, pd.read_csv(io.StringIO(parquet.to_csv(index=False))))
    return parquet


def test_export_writes_every_trial_and_epoch_in_both_formats(studies: Studies, store: Store, tmp_path: Path) -> None:
    done = studies("store", "export")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("5 trials, 7 epochs: ")
    results, history = frames(tmp_path / "export", "results"), frames(tmp_path / "export", "history")
    assert (len(results), len(history)) == (5, 7)
    results = results.set_index("trial")
    assert results.status.value_counts().to_dict() == {"done": 3, "failed": 1, "planned": 1}
    assert results.top1[[VIT.id, AGAIN.id, CNN.id]].tolist() == [91.5, 90.25, 88.125]
    assert results.top1[[T2T.id, CHILD.id]].isna().all()
    assert results.reason[T2T.id] == "TrainingError: the loss is nan"
    assert results.pretrained[CHILD.id] == VIT.id
    assert results["model.backbone.depth"][VIT.id] == VIT.model.backbone.depth
    assert history[history.trial == AGAIN.id].top1.tolist() == [r["top1"] for r in store.result(AGAIN.id)["history"]]


def test_export_says_what_it_leaves_out(studies: Studies, store: Store, tmp_path: Path) -> None:
    store.files.write(f"trials/{CNN.id}/trial.json", b"{")
    change(store, VIT, "result.json", b"91.5", b"99.5")
    done = studies("store", "export", "--out", "tables/of today")
    assert done.returncode == 0
    assert done.stderr.startswith(f"left out: {store.folder(CNN.id)}/trial.json is damaged")
    results = frames(tmp_path / "tables/of today", "results").set_index("trial")
    assert set(results.index) == ids(VIT, AGAIN, T2T, CHILD)
    assert results.status[VIT.id] == "damaged" and pd.isna(results.top1[VIT.id])
    assert len(frames(tmp_path / "tables/of today", "history")) == 3


def test_export_of_a_study_names_its_arms(studies: Studies, store: Store, tmp_path: Path) -> None:
    study = {"study": "s", "base": "vit_s_16", "seeds": 2, "arms": {"a": {}, "b": {"backbone.depth": 16}}}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    done = studies("store", "export", "s.yaml")
    assert done.returncode == 0, done.stderr
    results = frames(tmp_path / "export", "results")
    assert results[results.status == "done"][["arm", "seed", "trial"]].values.tolist() == [
        ["a", 0, VIT.id],
        ["a", 1, AGAIN.id],
    ]
    assert set(results.arm) == {"a", "b"}
    assert len(frames(tmp_path / "export", "history")) == 5


def test_an_export_that_cannot_be_written_is_one_line(studies: Studies, store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another --out" in one_line(studies("store", "export", "--out", "file/tables"))


def test_the_store_is_where_runs_dir_says(studies: Studies, store: Store, tmp_path: Path) -> None:
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert (
        f"5 trials: 1 planned, 3 done, 1 failed; {tmp_path}/elsewhere"
        in studies("store", "ls", "--runs-dir", "elsewhere").stdout
    )
    assert "Protocol not known" in one_line(studies("store", "ls", "--runs-dir", "nosuch://x"))
