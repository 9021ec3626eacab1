"""`studies store export` of a store that was never trained."""

import io
from pathlib import Path

import pandas as pd
import pytest
import yaml
from stored import AGAIN, CHILD, CNN, T2T, VIT, change, filled, ids
from support import Studies, one_line

from studies.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "runs")


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
