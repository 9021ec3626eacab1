"""`studies store ...` on a store that was never trained: made through the store itself."""

import json
from pathlib import Path

import pytest
import yaml
from stored import AGAIN, CHILD, CNN, T2T, VIT, change, filled, ids
from support import Studies, one_line

from searchspace.expand import SpecError
from studies.cli.parser import main
from studies.cli.store import summary
from studies.store.leases import acquire
from studies.store.lookup import trial_named
from studies.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "runs")


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


def test_the_store_is_where_runs_dir_says(studies: Studies, store: Store, tmp_path: Path) -> None:
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert (
        f"5 trials: 1 planned, 3 done, 1 failed; {tmp_path}/elsewhere"
        in studies("store", "ls", "--runs-dir", "elsewhere").stdout
    )
    assert "Protocol not known" in one_line(studies("store", "ls", "--runs-dir", "nosuch://x"))
