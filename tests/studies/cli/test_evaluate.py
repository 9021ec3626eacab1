"""`studies evaluate`, in a process of its own."""

import json
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
    done = studies(*command, "--workers", "0")
    assert "top-1   33.33 %" in done.stdout
    assert "the position table was resized from 14 x 14 to 4 x 4 tokens" in done.stderr


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
        (["resnet50", "--weights", weights, "--data", data], "one of timm's"),
    ):
        assert message in one_line(studies("evaluate", *arguments))
