"""`studies evaluate`: what it prints, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Studies, one_line


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


@pytest.mark.slow
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
    assert figures["top1_interval"] == pytest.approx([13.8120, 60.9377], abs=1e-4)  # R's prop.test(4, 12, correct = F)
    done = studies(*command, "--workers", "0")
    assert "top-1   33.33 %  (13.81 to 60.94 %)" in done.stdout
    assert "the position table was resized from 14 x 14 to 4 x 4 tokens" in done.stderr


def test_evaluate_prints_what_the_result_of_a_trial_has(
    study_file: Callable[..., Path], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import studies as package
    from studies.cli.parser import main

    runs = str(tmp_path / "runs")
    (row,) = package.run(study_file(arms={"a": {}}), scale=tiny, seeds=1, executor="inline", runs_dir=runs).to_dict(
        "records"
    )
    command = ["evaluate", "--trial", row["trial"][:6], "--runs-dir", runs]
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [figures[name] for name in ("trial", "top1", "loss")] == [row["trial"], row["top1"], row["loss"]]
    assert figures["top1_interval"][0] < row["top1"] < figures["top1_interval"][1]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert f"trial {row['trial']}: t2t performer, " in shown.out
    assert "; digits 128 x 2, seed 0; 64 test pictures\n" in shown.out
    assert f"  top-1  {row['top1']:6.2f} %  (" in shown.out
    assert "they say nothing of the training" in shown.out
    assert not shown.err


@pytest.mark.slow
def test_evaluate_refuses_what_does_not_fit(studies: Studies, pictures: Path, tmp_path: Path) -> None:
    weights, data = str(weights_for(tmp_path / "w.pth.tar", 7)), str(pictures)
    (tmp_path / "torn.pth").write_bytes(Path(weights).read_bytes()[:999])
    for arguments, message in (
        (["t2t_vit_7", "--weights", weights, "--data", data], "has 3 folders of pictures, the model 1000 classes"),
        (["t2t_vit_7", "num_classes=3", "--weights", weights, "--data", data], "head is for 7 classes"),
        (["t2t_vit_10", "num_classes=3", "--weights", weights, "--data", data], "of another model; missing: blocks.7"),
        (["t2t_vit_7", "num_classes=3", "--weights", str(tmp_path / "torn.pth"), "--data", data], "torn"),
        (["t2t_vit_7", "--weights", weights, "--data", str(tmp_path / "none")], "no such folder"),
        (["resnet50", "num_classes=3", "--weights", weights, "--data", data], "of another model; missing: conv1.w"),
    ):
        assert message in one_line(studies("evaluate", *arguments))


Refused = Callable[..., str]
COMMAND = ("evaluate", "t2t_vit_7", "num_classes=3", "img_size=32", "--workers", "0")
ANYTHING = ("--weights", "w.pth", "--data", "val")


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """A checkpoint that fits."""
    return str(weights_for(tmp_path / "fits.pth.tar"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "0"], "--batch-size: a whole number from 1 to 1000000, got '0'"),
        (
            ["--batch-size", "1000000"],
            "--batch-size 1000000: so many pictures of 224 x 224 take 561 GiB, and at most 8",
        ),
        (["--crop-pct", "0"], "--crop-pct: a number from 0.1 to 1, got '0'"),
        (["--crop-pct", "1.1"], "--crop-pct: a number from 0.1 to 1, got '1.1'"),
        (["--crop-pct", "1e-9"], "--crop-pct: a number from 0.1 to 1, got '1e-9'"),
        (["--crop-pct", "nan"], "--crop-pct: a number from 0.1 to 1, got 'nan'"),
        (["--workers", "-1"], "--workers: a whole number from 0 to 512, got '-1'"),
        (["--workers", "9999"], "--workers: a whole number from 0 to 512, got '9999'"),
        (["--device", "banana"], "no device 'banana' here: this machine has cpu"),
        (["--device", "cuda:77"], "no device 'cuda:77' here: this machine has cpu"),
        (["--device", "cpu:3"], "no device 'cpu:3' here: this machine has cpu"),
        (["in_chans=1"], "pictures in files have 3 channels, and the model takes 1: set in_chans=3"),
        (["img_size=64", "img_size=32"], "img_size is given twice, as 64 and 32: leave one out"),
        (["distilled=3"], "distilled: true or false, got 3"),
        ([], "no such folder: val (--data names a folder that has a folder of pictures for each class)"),
        (["--trial", "3f2a"], "a preset with --weights, or --trial: got t2t_vit_7 and --trial 3f2a"),
    ],
)
def test_bad_options_of_evaluate_are_one_line_before_anything_is_read(
    refused: Refused, arguments: list[str], message: str
) -> None:
    assert message in refused("evaluate", "t2t_vit_7", *arguments, *ANYTHING)


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"half", "is no picture, or not a whole one: image file is truncated"),
        (b"", "is no picture, or not a whole one: of no known format"),
        (b"text", "is no picture, or not a whole one: of no known format"),
        (None, "is no picture, or not a whole one: No such file or directory"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(
    refused: Refused, pictures: Path, weights: str, workers: str, content: bytes | None, message: str
) -> None:
    from PIL import Image

    bad = pictures / "n1" / "2.jpg"
    if content is None:
        bad.symlink_to(pictures / "nowhere.jpg")
    else:
        Image.effect_noise((200, 200), 50).save(bad)
        bad.write_bytes(bad.read_bytes()[:3000] if content == b"half" else content)
    line = refused(*COMMAND, "--weights", weights, "--data", str(pictures), "--workers", workers)
    assert line.startswith(f"{bad} {message}")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("vla", "no such folder: vla; did you mean val? (--data names a folder that"),
        ("val/m0", "no such folder: val/m0; did you mean val/n0"),
        ("val/n0/0.png", "val/n0/0.png is no folder"),
        ("val/n0", "val/n0 must hold one folder of pictures for each class: it has no folders"),
        ("empty", "empty must hold one folder of pictures for each class: it has no folders"),
        ("hollow", "hollow must hold one folder of pictures for each class: n0 has no pictures"),
    ],
)
def test_a_folder_without_classes_of_pictures_is_refused(
    refused: Refused, pictures: Path, weights: str, folder: str, message: str
) -> None:
    (pictures.parent / "empty").mkdir()
    (pictures.parent / "hollow" / "n0").mkdir(parents=True)
    assert message in refused(*COMMAND, "--weights", weights, "--data", folder)


def changed(name: str, value: object) -> dict[str, object]:
    import torch

    from searchspace.build import build
    from searchspace.expand import override
    from searchspace.presets import preset

    state = build(override(preset("t2t_vit_7"), {"num_classes": 3})).state_dict()
    return state | {name: value(state[name]) if callable(value) else torch.full_like(state[name], value)}  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("head.weight", float("nan")), "head.weight has values that are NaN or infinite"),
        (("head.bias", float("inf")), "head.bias has values that are NaN or infinite"),
        (("head.weight", 1e38), "the model's outputs for the pictures of"),
        (("head.weight", lambda t: t.long()), "head.weight is not a tensor of real numbers (torch.int64)"),
        (("head.weight", lambda t: t.to_sparse()), "head.weight is a sparse tensor, and only dense ones are loaded"),
        (
            ("head.weight", lambda t: t[:, 1:]),
            "is of another model; of another shape: head.weight (3, 255) for (3, 256)",
        ),
    ],
)
def test_weights_that_give_no_numbers_are_refused(
    refused: Refused, pictures: Path, tmp_path: Path, change: tuple[str, object], message: str
) -> None:
    import torch

    torch.save(changed(*change), tmp_path / "w.pth")
    assert message in refused(*COMMAND, "--weights", "w.pth", "--data", str(pictures))


@pytest.mark.parametrize("content", [b"", b"hello", b"12345678{", b"\x05\0\0\0\0\0\0\0{}{}{"])
def test_a_file_that_holds_no_weights_is_refused(
    refused: Refused, pictures: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    line = refused(*COMMAND, "--weights", "w.pth", "--data", str(pictures))
    assert line.startswith("cannot read w.pth: torn, or not a file of weights (")
