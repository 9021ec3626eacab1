"""A trial on several devices: here processes on the CPU, over gloo."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import torch
from parenthood import TIMES, small
from parenthood import trial as asked
from safetensors.torch import load
from support import Studies, StudyFile, accuracies, one_line, start, wait_for_checkpoint
from timm.layers import convert_sync_batchnorm

from searchspace.build import build
from searchspace.expand import override
from searchspace.presets import preset
from studies.engine import team
from studies.engine.endings import Endings, says_memory_is_short
from studies.engine.options import Options
from studies.engine.team import Job, Member, Subprocesses
from studies.engine.worker import train
from studies.language.scale_file import load_scale
from studies.store.lessons import keep_micro_batch, kept_micro_batch
from studies.store.store import Store
from studies.training.devices import prepare_device
from studies.training.execution import micro_batches
from studies.training.trainer import Trainer
from studies.trials.recipe import Augment, Ema
from studies.trials.scale import Scale
from studies.trials.trial import TrialSpec

VIT = small(
    "vit_s_16", backbone__depth=2, backbone__embed_dim=24
)  # no dropout: parts of a batch draw masks of their own


@pytest.fixture
def scale(tiny: Path) -> Scale:
    prepare_device("cpu")
    return load_scale(str(tiny))


@pytest.fixture
def trial(scale: Scale) -> TrialSpec:
    return asked(scale, VIT, epochs=3, ema=Ema(decay=0.5), augment=Augment(mixup=0.8, cutmix=1.0))


def numbers(store: Store, trial: TrialSpec) -> list[dict]:
    """The history, without what the clock says and what people are told."""
    result = store.result(trial.id)
    assert result is not None
    return [{k: v for k, v in record.items() if k not in TIMES | {"notes"}} for record in result["history"]]


def trained(folder: Path, trial: TrialSpec, **options: object) -> Store:
    store = Store(folder)
    store.plan(trial)
    list(train(store, trial.id, Options("run", **options)))  # type: ignore[arg-type]
    return store


class Killing(Subprocesses):
    """Starts other ranks, and can kill them."""

    def __init__(self) -> None:
        self.members: list[Member] = []

    def start(self, job: Job) -> Member:
        self.members.append(super().start(job))
        return self.members[-1]

    def kill(self) -> None:
        self.members[-1].process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"devices": 2}, {"micro_batch": 8}, {"devices": 2, "micro_batch": 4}], ids=str)
def test_weights_equal_those_of_one_device_to_rounding(tmp_path: Path, trial: TrialSpec, options: dict) -> None:
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


@pytest.mark.slow
def test_a_rank_that_is_killed_costs_what_was_trained_since_the_checkpoint(tmp_path: Path, trial: TrialSpec) -> None:
    whole = trained(tmp_path / "whole", trial, devices=2)
    store, launch = Store(tmp_path / "killed"), Killing()
    store.plan(trial)
    records = train(store, trial.id, Options("run", devices=2), launch=launch)
    next(records)
    launch.kill()
    rest = list(records)
    assert [record["epoch"] for record in rest] == [2, 3]
    assert "rank 1 of 2 ended: killed, or out of memory; went on from the last checkpoint" in rest[0]["notes"][0]
    assert len(launch.members) == 2
    assert all(member.ended() is not None for member in launch.members), "none is left"
    assert numbers(store, trial) == numbers(whole, trial)
    assert store.weights(trial.id) == whole.weights(trial.id)


@pytest.mark.slow
def test_a_rank_that_ends_again_and_again_fails_the_trial(tmp_path: Path, trial: TrialSpec) -> None:
    class Broken(Subprocesses):
        def start(self, job: Job) -> Member:
            member = super().start(job)
            member.process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
            return member

    store = Store(tmp_path)
    store.plan(trial)
    with pytest.raises(RuntimeError, match=r"rank 1 of 2 ended: killed, or out of memory, 3 times"):
        list(train(store, trial.id, Options("run", devices=2), launch=Broken()))
    assert store.state(trial.id) == "failed"


def short_of_memory(most: int, gradients: object) -> object:
    """`Trainer._gradients` on a device that has memory for so many pictures at a time."""

    def attempt(self: Trainer, epoch: int, index: int) -> torch.Tensor:
        if self.trial.recipe.batch_size // (self.ranks.size * self.micro_batches) > most:
            raise torch.OutOfMemoryError("no memory")
        return gradients(self, epoch, index)  # type: ignore[operator]

    return attempt


def test_where_memory_is_short_micro_batches_are_halved_and_the_batch_stays(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", trial)
    monkeypatch.setattr(Trainer, "_gradients", short_of_memory(8, Trainer._gradients))
    store = trained(tmp_path / "short", trial)
    result = store.result(trial.id)
    assert result is not None
    notes = result["history"][0]["notes"]
    assert notes == [
        "out of memory at step 1: micro-batches of 16 pictures from there, the batch stays 32",
        "out of memory at step 1: micro-batches of 8 pictures from there, the batch stays 32",
    ]
    assert "notes" not in result["history"][1]
    for one, two in zip(numbers(whole, trial), numbers(store, trial), strict=True):
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)
    monkeypatch.setattr(Trainer, "_gradients", short_of_memory(1, Trainer._gradients))
    with pytest.raises(RuntimeError, match="out of memory with a micro-batch of 2 pictures"):
        trained(tmp_path / "none", trial)


@pytest.mark.slow
def test_where_one_of_several_is_short_of_memory_all_begin_again_with_smaller_micro_batches(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "_gradients", short_of_memory(8, Trainer._gradients))
    store = trained(tmp_path / "short", trial, devices=2)
    monkeypatch.undo()
    result = store.result(trial.id)
    assert result is not None
    assert result["history"][0]["notes"] == ["out of memory: micro-batches of 8 pictures a device, the batch stays 32"]
    assert numbers(store, trial) == numbers(trained(tmp_path / "whole", trial, devices=2, micro_batch=8), trial)


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


def ranks_of(process: psutil.Process) -> list[psutil.Process]:
    """The processes that train along."""
    found = []
    for child in process.children(recursive=True):
        try:
            command = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "studies.engine.rank" in command or "ray::_Rank" in command:
            found.append(child)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "victim"), [("ray", "rank"), ("inline", "driver")])
def test_a_run_survives_that_one_of_its_processes_is_killed(
    executor: str,
    victim: str,
    studies: Studies,
    study_file: StudyFile,
    tiny: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    tiny.write_text(tiny.read_text().replace("epochs: 2", "epochs: 20"))
    study = str(study_file(arms={"a": {"base": "vit_s_16"}}))
    command = ["run", study, "--scale", str(tiny), "--seeds", "1", "--devices-per-trial", "2", "--executor"]
    whole = studies(*command, "inline", "--runs-dir", "whole")
    assert whole.returncode == 0, whole.stderr

    command += [executor, "--runs-dir", "killed"]
    process = start(command, tmp_path, environment)
    wait_for_checkpoint(tmp_path / "killed", process)
    ranks = ranks_of(psutil.Process(process.pid))
    assert len(ranks) == 1
    if victim == "rank":
        ranks[0].kill()
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    else:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert psutil.wait_procs(ranks, timeout=30)[1] == [], "the other ranks end when the driver does"
        rest = studies(*command)
        assert rest.returncode == 0, rest.stderr
    assert accuracies(tmp_path / "killed") == accuracies(tmp_path / "whole")
    (path,) = (tmp_path / "killed").glob("trials/*/result.json")
    assert json.loads(path.read_text())["devices"] == 2


@pytest.mark.slow
def test_the_other_ranks_may_end_while_rank_0_keeps_the_result(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, ended = Store.finish, []

    def slowly(self: Store, *arguments: object) -> None:
        while any(member.ended() is None for member in launch.members):  # till the last of them is gone
            time.sleep(0.05)
        time.sleep(3)  # as long as the watch would bear, and more
        ended.append(True)
        keep(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(team, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(Store, "finish", slowly)
    store, launch = Store(tmp_path), Killing()
    store.plan(trial)
    list(train(store, trial.id, Options("run", devices=2), launch=launch))
    assert ended and store.state(trial.id) == "done"


@pytest.mark.parametrize("name", ["mobilenetv2_100", "mobilenetv3_large_100", "densenet201", "resnet50"])
def test_batch_norms_over_all_devices_leave_a_network_what_it_is(name: str) -> None:
    torch.manual_seed(0)
    model = build(override(preset(name), {"num_classes": 10, "img_size": 64})).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = model(x)
        assert torch.allclose(convert_sync_batchnorm(model)(x), before, rtol=1e-4, atol=1e-4)


def test_a_checkpoint_that_memory_is_too_short_for_is_no_bad_checkpoint(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.plan(trial)
    records = train(store, trial.id, Options("run"))
    next(records)
    records.close()
    kept = sorted(path.name for path in tmp_path.glob("trials/*/checkpoint-*"))

    def short(self: Trainer, state: dict) -> None:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(Trainer, "load_state_dict", short)
    with pytest.raises(torch.OutOfMemoryError):
        list(train(store, trial.id, Options("run")))
    assert sorted(path.name for path in tmp_path.glob("trials/*/checkpoint-*")) == kept


def test_a_process_that_must_end_leaves_what_it_has_learnt_to_the_next(
    tmp_path: Path, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended:
        def ended(self) -> str | None:
            return "MemoryShortError: out of memory with micro-batches of 16 pictures"

        def end(self) -> None: ...

    told, left = [], []
    waiting = team.Team(Subprocesses(), str(tmp_path), trial.id, Options("run", devices=2), "cpu", told.append)
    waiting.members = {1: Ended()}
    monkeypatch.setattr(team, "SILENT_SECONDS", 0.01)
    monkeypatch.setattr(team.os, "_exit", left.append)
    waiting._watch()
    assert left == [1] and says_memory_is_short(told[0])

    store = Store(tmp_path)
    store.plan(trial)
    assert kept_micro_batch(store, trial.id) is None
    keep_micro_batch(store, trial.id, 8)
    assert Endings(32, Options("run", devices=2), kept_micro_batch(store, trial.id)).options.micro_batch == 8
    monkeypatch.setattr(Trainer, "_gradients", short_of_memory(8, Trainer._gradients))
    list(train(store, trial.id, Options("run")))
    result = store.result(trial.id)
    assert result is not None and "notes" not in result["history"][0], "memory was never short"
    assert kept_micro_batch(store, trial.id) is None, "what was only needed to train goes"
