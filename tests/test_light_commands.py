"""What light commands load: no module that takes as long as the command itself."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest

import studies
from searchspace.cost.remembered import costs
from searchspace.presets import preset
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.store.store import Store
from studies.training.devices import has_gpu_driver

HEAVY = {"torch", "timm", "torchvision", "fvcore", "ray", "optuna", "sklearn", "matplotlib", "mlflow", "wandb", "rich"}
HEAVY |= {"numpy", "pandas", "scipy", "scipy.stats", "scipy.optimize"}
RESULT: dict[str, Any] = {"top5": 99.0, "loss": 0.1, "params": 1000, "macs": 10_000, "test_pictures": 8192}
RESULT |= {"seconds": 10.0, "device": "made up", "versions": {"torch": "2"}, "history": []}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store in which a study is done; all that the commands below count is remembered."""
    root = tmp_path_factory.mktemp("store") / "runs"
    made = Store(root)
    made.prepare()
    scaled = at_scale(load_study("cnn_to_vit"), load_scale("digits"))
    for i, trial in enumerate({trial.id: trial for _, trial in trials(scaled, range(3))}.values()):
        made.plan(trial)
        made.finish(trial.id, RESULT | {"top1": 80 + i * 37 % 100 / 10})  # type: ignore[arg-type]
    _ = studies.plan("cnn_to_vit", runs_dir=root).rows
    studies.report(paper_table=6, runs_dir=root)
    costs([preset("t2t_vit_14")])
    studies.space_facts("digits")
    studies.space_stats("digits")
    return str(root)


def loaded(*arguments: str) -> set[str]:
    """Of the heavy modules, those that a command has loaded when it is done."""
    code = (
        "import json, sys; from studies.cli.parser import main\n"
        "status = main(sys.argv[2:]); json.dump([status, list(sys.modules)], open(sys.argv[1], 'w'))"
    )
    with NamedTemporaryFile("r") as file:
        words = [sys.executable, "-c", code, file.name, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        status, modules = json.load(file)
    assert status == 0, done.stderr
    return HEAVY & set(modules)


@pytest.mark.parametrize("command", ["list", "schema", "space list"])
def test_what_lists_loads_nothing_heavy(command: str) -> None:
    assert loaded(*command.split()) == set()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["cost t2t_vit_14", "space show digits", "store ls", "store verify"])
def test_what_tells_costs_and_states_loads_nothing_heavy(command: str, store: str) -> None:
    assert loaded(*command.split(), *(["--runs-dir", store] if command.startswith("store") else [])) == set()


@pytest.mark.slow
@pytest.mark.skipif(has_gpu_driver(), reason="torch alone can tell whether there is a GPU")
def test_a_plan_loads_nothing_heavy(store: str) -> None:
    assert loaded("plan", "cnn_to_vit", "--runs-dir", store) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", [["--table", "6"], ["cnn_to_vit", "--compare", "CNN to ViT/ViT-SE", "CNN to ViT/ViT-S/16"]]
)
def test_a_table_of_results_loads_no_figures_no_torch_and_of_scipy_little(what: list[str], store: str) -> None:
    assert loaded("report", *what, "--runs-dir", store) == {"numpy", "pandas", "scipy"}


@pytest.mark.slow
def test_a_study_is_shown_without_heavy_imports(study_file: Callable[..., Path]) -> None:
    path = study_file(base="t2t_vit_7", arms={"a": {}, "b": {"backbone.depth": 6}})
    loaded("show", str(path))  # counts its models, which needs torch, and remembers them
    assert loaded("show", str(path)) == set()


@pytest.mark.slow
def test_the_costs_of_a_space_load_no_figures_and_no_torch(store: str) -> None:
    assert loaded("space", "stats", "digits") == {"numpy", "pandas"}
