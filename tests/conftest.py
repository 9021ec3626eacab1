"""What tests share: a scale that trains in a second, and a command line with a home of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks the Hub; read when timm imports its client

TINY = {
    "scale": "tiny",
    "description": "for tests",
    "data": {"kind": "digits", "train_size": 128, "test_size": 64},
    "shrink": {
        "width": 16,
        "depth": 7,
        "heads": 2,
        "patch_size": 8,
        "token_dim": 8,
        "splits": [[3, 2, 1], [3, 2, 1], [3, 2, 1]],
        "stem": "small",
        "init": "lecun_normal",
    },
    "recipe": {"epochs": 2, "batch_size": 32, "lr": 0.002, "shift": 1},
}

STAGES = {
    "larger": {"data.img_size": 28, "recipe.epochs": 1},
    "source": {"data.first_class": 0, "data.num_classes": 6},
    "transfer": {
        "data.first_class": 6,
        "data.num_classes": 4,
        "recipe.opt": "momentum",
        "recipe.backbone_lr_scale": 0.1,
    },
}

Studies = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A scale file whose trials take a second."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which commands, and this process, touch nothing of the user's."""
    home = tmp_path_factory.mktemp("home")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # models are counted once for all workers
    os.environ |= {"HOME": str(home), "XDG_CACHE_HOME": str(shared / "cache"), "COLUMNS": "120"}
    os.environ.pop("STUDIES_RUNS_DIR", None)
    return dict(os.environ)


@pytest.fixture
def studies(tmp_path: Path, environment: dict[str, str]) -> Studies:
    """Run the command line in an empty folder, as a user does."""

    def run(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "studies.cli", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def study_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a study of two arms over T2T-ViT-14, or with other content."""

    def write(**content: object) -> Path:
        arms = {"a": {}, "b": {"backbone.depth": 8}}
        path = tmp_path / "s.yaml"
        path.write_text(yaml.safe_dump({"study": "s", "base": "t2t_vit_14", "arms": arms} | content, sort_keys=False))
        return path

    return write
