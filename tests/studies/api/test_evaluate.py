"""`studies.evaluate`: the figures of the training loop, whatever the data, the batches and the workers."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from conftest import TINY
from picture_folders import folder_data, write_folder
from pictures import write_cifar
from safetensors.torch import save_file

import studies
from searchspace.build import build
from searchspace.expand import SpecError, override, parse_overrides
from searchspace.presets import preset
from studies.api.evaluate import interval
from studies.store.store import Store

FIGURES = ("top1", "top5", "loss")
GROUPS = {"T": {"base": "t2t_vit_14", "arms": {"t": {}}}, "C": {"base": "resnet50", "arms": {"c": {}}}}
DATA = {
    "digits": TINY["data"],
    "cifar10": {"kind": "cifar10", "train_size": 96, "test_size": 40},
    "folder": folder_data(),
}


def train(root: Path, data: Any, groups: Any = GROUPS, shrink: Any = TINY["shrink"]) -> Store:
    """A store with the trials of a study over some data, trained with an average of the weights."""
    write_folder(root)
    write_cifar(root)
    scale = TINY | {"data": data, "shrink": shrink}
    scale["recipe"] = TINY["recipe"] | {"batch_size": 8, "ema": {"decay": 0.5}}
    (root / "tiny.yaml").write_text(yaml.safe_dump(scale))
    (root / "s.yaml").write_text(yaml.safe_dump({"study": "s", "groups": groups}))
    runs = root / "runs"
    frame = studies.run(
        root / "s.yaml", scale=root / "tiny.yaml", seeds=1, executor="inline", runs_dir=runs, data_dir=str(root)
    )
    assert set(frame["status"]) == {"done"}
    return Store(runs)


@pytest.fixture(scope="module", params=DATA)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A transformer's trial and a CNN's, over each kind of data."""
    return train(tmp_path_factory.mktemp(request.param), DATA[request.param])


def evaluated(store: Store, trial_id: str, **options: Any) -> dict[str, Any]:
    return studies.evaluate(trial=trial_id, runs_dir=store.root, data=Path(store.root).parent, **options)


@pytest.mark.slow
def test_a_trial_has_the_figures_of_its_result_to_the_last_digit(trained: Store) -> None:
    assert len(trained.ids()) == 2
    for trial_id in trained.ids():
        result = trained.result(trial_id)
        assert result and result["averaged_weights"]
        figures = evaluated(trained, trial_id[:9], workers=0)
        assert {name: figures[name] for name in FIGURES} == {name: result[name] for name in FIGURES}  # type: ignore[literal-required]
        assert figures["trial"] == trial_id
        assert figures["pictures"] == result["history"][-1]["test_pictures"]
        assert figures["images_per_second"] > 0


@pytest.mark.slow
def test_batches_and_workers_change_no_figure_of_a_trial_but_by_rounding(trained: Store) -> None:
    trial_id = trained.ids()[0]
    expected = {name: evaluated(trained, trial_id, workers=0)[name] for name in FIGURES}
    for options in (
        {"batch_size": 5, "workers": 0},
        {"batch_size": 1000, "workers": 1},
        {"batch_size": 1, "workers": 2},
    ):
        figures = evaluated(trained, trial_id, **options)
        assert {name: figures[name] for name in FIGURES} == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test pictures of three classes, and a file of weights for them beside."""
    root = write_folder(tmp_path_factory.mktemp("data"))
    torch.manual_seed(3)
    save_file(build(spec("t2t_vit_7")).state_dict(), root / "w.safetensors")
    return root / "digits" / "val"


SMALL = ("num_classes=3", "img_size=[32,48]")


def spec(name: str, overrides: tuple[str, ...] = SMALL) -> Any:
    return override(preset(name), parse_overrides(overrides))


def of_file(
    folder: Path, name: str = "t2t_vit_7", overrides: tuple[str, ...] = SMALL, **options: Any
) -> dict[str, Any]:
    weights = folder.parents[1] / "w.safetensors"
    return studies.evaluate(name, overrides, **{"weights": weights, "data": folder, "workers": 0} | options)


def by_torchvision(model: torch.nn.Module, folder: Path, size: tuple[int, int]) -> dict[str, float]:
    """Top-1 (%) and loss over a folder, picture by picture, without any code of the training loop."""
    from timm.data import create_transform
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    from torchvision.datasets import ImageFolder

    how = {"mean": IMAGENET_DEFAULT_MEAN, "std": IMAGENET_DEFAULT_STD, "interpolation": "bicubic", "crop_pct": 0.9}
    samples = ImageFolder(str(folder), create_transform((3, *size), is_training=False, **how))
    with torch.inference_mode():
        logits = torch.cat([model.eval()(x[None]) for x, _ in samples])
    y = torch.tensor([y for _, y in samples])
    return {"top1": 100 * (logits.argmax(1) == y).float().mean().item(), "loss": F.cross_entropy(logits, y).item()}


def test_a_file_of_weights_has_the_figures_that_torchvision_and_timm_give(folder: Path) -> None:
    from safetensors.torch import load_file

    model = build(spec("t2t_vit_7"))
    model.load_state_dict(load_file(folder.parents[1] / "w.safetensors"))
    expected = by_torchvision(model, folder, (32, 48))
    figures = of_file(folder)
    assert {name: figures[name] for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_batches_and_workers_change_no_figure_of_a_file_but_by_rounding(folder: Path) -> None:
    found = [
        {name: of_file(folder, **options)[name] for name in FIGURES}
        for options in ({}, {"batch_size": 1}, {"batch_size": 5, "workers": 2}, {"batch_size": 7, "workers": 1})
    ]
    assert all(figures == pytest.approx(found[0], rel=1e-6) for figures in found[1:])


NETWORK = ("num_classes=3", "img_size=32", "depths.layers=[1,1,1,1]", "widths.channels=[8,16,32,64]", "stem_width=8")


@pytest.mark.parametrize("name", ["resnet50", "resnet50_ghost"])
def test_the_network_of_a_library_is_evaluated_with_weights_under_its_own_names(
    folder: Path, name: str, tmp_path: Path
) -> None:
    model = build(spec(name, NETWORK))
    torch.save({"state_dict": model.state_dict()}, tmp_path / "w.pth")
    figures = of_file(folder, name, NETWORK, weights=tmp_path / "w.pth")
    assert figures["loss"] == pytest.approx(by_torchvision(model, folder, (32, 32))["loss"], rel=1e-5)
    with pytest.raises(
        SpecError, match=r"w\.pth is of another model; of another shape: fc.weight \(3, 256\) for \(4, "
    ):
        of_file(
            write_folder(tmp_path, classes=4) / "digits" / "val",
            name,
            ("num_classes=4", *NETWORK[1:]),
            weights=tmp_path / "w.pth",
        )


@pytest.mark.slow
def test_the_weights_that_a_trial_kept_have_its_figures_as_a_file_too(tmp_path: Path) -> None:
    data = folder_data(img_size=32)
    store = train(tmp_path, data, {"T": {"base": "t2t_vit_7", "arms": {"t": {}}}}, {})
    (trial_id,) = store.ids()
    of_trial = evaluated(store, trial_id)
    weights = tmp_path / "runs" / "trials" / trial_id / "weights.safetensors"
    figures = of_file(tmp_path / "digits" / "val", overrides=("num_classes=3", "img_size=32"), weights=weights)
    assert {name: figures[name] for name in FIGURES} == {name: of_trial[name] for name in FIGURES}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return train(tmp_path_factory.mktemp("folder"), folder_data(), {"T": GROUPS["T"]})


def test_pictures_that_changed_since_the_training_are_told(digits: Store, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(digits.root).parent
    (trial_id,) = digits.ids()
    extra = root / "digits" / "train" / "n000" / "extra.png"
    extra.write_bytes(next(extra.parent.iterdir()).read_bytes())
    capsys.readouterr()
    evaluated(digits, trial_id, workers=0)
    assert f"these are not the pictures that trial {trial_id} was trained on" in capsys.readouterr().err
    extra.unlink()
    evaluated(digits, trial_id, workers=0)
    assert capsys.readouterr().err == ""


def test_corrupt_pictures_of_a_trial_are_as_many_as_its_training_would_bear(digits: Store) -> None:
    picture = next(iter((Path(digits.root).parent / "digits" / "val" / "n001").iterdir()))
    content = picture.read_bytes()
    picture.write_bytes(content[:40])
    with pytest.raises(SpecError, match=rf"1 picture cannot be read, more than 0.1 % of 52: test/n001/{picture.name};"):
        evaluated(digits, digits.ids()[0], workers=0)
    picture.write_bytes(content)


@pytest.mark.parametrize(
    ("options", "given"),
    [({"model": "t2t_vit_7"}, "t2t_vit_7"), ({"weights": "w.pth"}, "--weights"), ({"overrides": ["a=1"]}, "a=1")],
)
def test_a_trial_and_a_model_at_once_are_refused(options: dict[str, Any], given: str) -> None:
    with pytest.raises(SpecError, match=f"a preset with --weights, or --trial: got {given} and --trial 3f2a"):
        studies.evaluate(trial="3f2a", **options)


def unfinished(store: Store, trial_id: str) -> None:
    store.files.remove(f"trials/{trial_id}/result.json")


def without_weights(store: Store, trial_id: str) -> None:
    store.files.remove(f"trials/{trial_id}/weights.safetensors")


def torn(store: Store, trial_id: str) -> None:
    store.files.write(f"trials/{trial_id}/result.json", b"{")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (unfinished, r"trial \w+ is not done \(planned\): only what is trained is evaluated"),
        (without_weights, "has no weights, or not those that were written"),
        (torn, "result.json is damaged"),
    ],
)
def test_a_trial_that_is_not_whole_is_refused(
    digits: Store, tmp_path: Path, harm: Callable[[Store, str], None], message: str
) -> None:
    import shutil

    shutil.copytree(digits.root, tmp_path / "runs")
    store = Store(tmp_path / "runs")
    harm(store, store.ids()[0])
    with pytest.raises(SpecError, match=message):
        studies.evaluate(trial=store.ids()[0][:5], runs_dir=store.root, data=Path(digits.root).parent)


def test_a_trial_whose_data_is_not_there_is_refused(digits: Store, tmp_path: Path) -> None:
    for data, message in ((None, "name the folder that holds digits/train"), (tmp_path, "digits/train")):
        with pytest.raises(SpecError, match=message):
            studies.evaluate(trial=digits.ids()[0], runs_dir=digits.root, data=data)


@pytest.mark.parametrize(("hits", "count"), [(0, 12), (4, 12), (12, 12), (41_234, 50_000)])
def test_the_interval_is_that_of_wilsons_formula(hits: int, count: int) -> None:
    share, z = hits / count, 1.959963985
    centre = share + z**2 / (2 * count)
    half = z * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    expected = [100 * (centre + sign * half) / (1 + z**2 / count) for sign in (-1, 1)]
    assert interval(100 * share, count) == pytest.approx(expected, abs=1e-6)


class Terminal(io.StringIO):
    """A stderr that people look at."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_nothing_else_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        of_file(folder)
        assert ("evaluating" in stream.getvalue()) is shown
