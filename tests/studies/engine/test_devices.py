"""A trial on several devices: here processes on the CPU, over gloo."""

from pathlib import Path

import pytest
import torch
from parenthood import small
from picture_folders import folder_data, write_folder
from safetensors.torch import load
from support import Studies, StudyFile, one_line
from timm.layers import convert_sync_batchnorm
from together import RANDOM, VIT, numbers, trained

from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset
from searchspace.spec import ModelSpec
from studies.store.store import Store
from studies.training.data.access import DataAccess
from studies.training.data.corrupt import DataError
from studies.training.data.opened import open_data
from studies.training.data.part import Part
from studies.training.execution import micro_batches
from studies.trials.data import FolderSpec
from studies.trials.recipe import Recipe
from studies.trials.trial import TrialSpec


@pytest.mark.slow
@pytest.mark.parametrize("model", [VIT, RANDOM], ids=["plain", "dropout and stochastic depth"])
@pytest.mark.parametrize("options", [{"devices": 2}, {"micro_batch": 8}, {"devices": 2, "micro_batch": 4}], ids=str)
def test_weights_equal_those_of_one_device_to_rounding(
    tmp_path: Path, trial: TrialSpec, options: dict, model: ModelSpec
) -> None:
    trial = trial.model_copy(update={"model": model})
    alone, together = trained(tmp_path / "1", trial), trained(tmp_path / "2", trial, **options)
    first, second = load(alone.weights(trial.id) or b""), load(together.weights(trial.id) or b"")
    for name, value in first.items():
        assert torch.allclose(value, second[name], atol=2e-5), name
    for one, two in zip(numbers(alone, trial), numbers(together, trial), strict=True):
        assert one["train_loss"] == pytest.approx(two["train_loss"], abs=1e-5)
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)
        assert one["test_pictures"] == two["test_pictures"] == 64
    result = together.result(trial.id)
    assert result is not None and result["devices"] == options.get("devices", 1)
    assert result["averaged_weights"] and result["precision"] == "float32"


@pytest.mark.parametrize(
    ("batch", "devices", "most", "parts"),
    [
        (32, 1, None, 1),
        (32, 1, 32, 1),
        (32, 1, 8, 4),
        (32, 2, 8, 2),
        (96, 2, 20, 3),
        (512, 8, None, 1),
        (33, 1, None, 1),
    ],
)
def test_a_share_of_a_batch_is_cut_into_as_few_parts_as_can_be(
    batch: int, devices: int, most: int | None, parts: int
) -> None:
    assert micro_batches(batch, devices, most) == parts


@pytest.mark.parametrize(
    ("batch", "devices", "most", "message"),
    [
        (33, 2, None, "recipe.batch_size 33 cannot be shared by 2 devices, .* 32 would work"),
        (32, 3, None, "by 3 devices, .* 30 would work"),
        (32, 1, 1, "32 pictures cannot be cut into equal micro-batches of an even number up to 1"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused(batch: int, devices: int, most: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        micro_batches(batch, devices, most)


def test_what_cannot_be_is_refused_before_anything_is_written(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path
) -> None:
    command = ["run", str(study_file()), "--scale", str(tiny), "--executor", "inline"]
    line = one_line(studies(*command, "--devices-per-trial", "3"))
    assert "recipe.batch_size 32 cannot be shared by 3 devices" in line
    line = one_line(studies(*command, "--devices-per-trial", "16"))
    assert "--devices-per-trial 16, but this machine has" in line
    line = one_line(studies(*command, "--devices-per-trial", "0.25"))
    assert "--devices-per-trial 0.25, but this machine has 0 GPU(s)" in line
    line = one_line(studies(*command, "--micro-batch", "1"))
    assert "equal micro-batches of an even number up to 1" in line
    line = one_line(studies(*command, "--devices-per-trial", "2", "--gpus-per-trial", "2"))
    assert "say the same: give one of them" in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["mobilenetv2_100", "mobilenetv3_large_100", "densenet201", "resnet50"])
def test_batch_norms_over_all_devices_leave_a_network_what_it_is(name: str) -> None:
    torch.manual_seed(0)
    model = build(override(preset(name), {"num_classes": 10, "img_size": 64})).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = model(x)
        assert torch.allclose(convert_sync_batchnorm(model)(x), before, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_corrupt_pictures_of_all_processes_are_counted_once_and_judged_together(tmp_path: Path) -> None:
    root, batch = str(write_folder(tmp_path / "data", 1980, 20)), 396  # of 2,000 pictures, two may be corrupt
    data = FolderSpec(**folder_data(train_size=1980, test_size=20))
    model = small("vit_s_16", backbone__depth=1, backbone__embed_dim=24, num_classes=3)
    trial = TrialSpec(model=model, data=data, recipe=Recipe(epochs=2, batch_size=batch, lr=0.001), seed=0)

    source = open_data(data, torch.device("cpu"), DataAccess(root))
    rows = set(Part(0, 2).rows(batch).tolist())
    of_rank_0 = [{n for i, n in enumerate(source._order(0, epoch).tolist()) if i % batch in rows} for epoch in (0, 1)]
    both = min(of_rank_0[0] - of_rank_0[1])  # read by one process in the first epoch, by the other in the second
    train, test = (sorted((tmp_path / "data" / "digits" / split).rglob("*.*")) for split in ("train", "val"))
    train[both].write_bytes(b"")
    test[1].write_bytes(b"")  # rank 1 reads it
    result = trained(tmp_path / "two", trial, devices=2, data_root=root).result(trial.id)
    assert result is not None and result["corrupt_pictures"] == 2
    assert [record["test_pictures"] for record in result["history"]] == [19, 19]
    (note,) = result["history"][0]["notes"]
    assert note.startswith("passed over 2 pictures that cannot be read; the first: train/")
    assert "notes" not in result["history"][1]

    test[0].write_bytes(b"")  # rank 0 reads it: neither has met too many by itself
    with pytest.raises(DataError, match=r"^3 pictures cannot be read, more than 0\.1 % of 2,000: "):
        trained(tmp_path / "three", trial, devices=2, data_root=root)
    assert Store(tmp_path / "three").state(trial.id) == "failed"
