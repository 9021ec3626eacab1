"""The floors of the design: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("blocks", "searchspace", "reports", "studies")
MAY_IMPORT = {
    "blocks": {"blocks", "torch", "timm"},
    "searchspace": {"searchspace", "blocks", "torch", "timm", "torchvision", "fvcore", "safetensors"}
    | {"pydantic", "yaml", "wrapt", "platformdirs"},
    "reports": {"reports", "numpy", "pandas", "scipy", "matplotlib", "tabulate"},
    "studies": None,
}
NO_TORCH = (
    "searchspace.spec",
    "searchspace.presets",
    "searchspace.expand",
    "searchspace.identity",
    "searchspace.shrink",
    "searchspace.space",
    "searchspace.feasible",
    "studies.trials.trial",
    "studies.language.expansion",
    "studies.store.store",
    "studies.planning.plan",
    "studies.engine.queue",
    "studies.reporting.frames",
    "studies.training.data.root",
    "studies.training.data.cifar_files",
)
# Rooms of `studies/`, and which others each may import; every one may import `searchspace`.
ROOMS: dict[str, set[str]] = {
    "trials": set(),
    "language": {"trials"},
    "store": {"trials"},
    "training": {"trials"},
    "engine": {"store", "training", "trials"},
    "planning": {"language", "store", "training", "trials"},
    "ranking": {"trials"},
    "searching": {"engine", "language", "store", "trials"},
    "reporting": {"language", "store", "trials"},
    "tracking": {"engine", "trials"},
    "api": {"engine", "language", "planning", "ranking", "reporting", "searching", "store", "tracking", "training"}
    | {"trials"},
    "cli": {"api", "engine", "language", "planning", "reporting", "searching", "store", "training", "trials"},
}
OUTSIDE = {  # of this project, that a room may import beside `searchspace`
    "trials": {"pydantic"},
    "language": {"pydantic", "yaml"},
    "training": {"torch", "timm", "torchvision", "numpy", "PIL", "sklearn", "safetensors", "blocks"},
    "ranking": {"torch", "pandas", "blocks"},
    "searching": {"numpy", "optuna", "pandas", "sklearn", "threadpoolctl", "yaml"},
    "reporting": {"reports", "pandas", "matplotlib"},  # the type of a figure
    "tracking": {"torch", "mlflow", "wandb"},
}


def imports(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", [f for p in PACKAGES for f in files(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_what_its_floor_may(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = MAY_IMPORT[package]
    outside = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    if allowed is not None:
        assert outside <= allowed, f"{path} imports {outside - allowed}"


@pytest.mark.parametrize("path", files("studies"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_of_studies_imports_only_what_it_may(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    if len(parts) == 2:
        assert parts[1] == "__init__.py", f"{path} lies in no room"
        return
    room, found = parts[1], imports(path)
    others = {name.split(".")[1] for name in found if name.startswith("studies.")} - {room}
    assert others <= ROOMS[room], f"{path} imports {others - ROOMS[room]}"
    assert "studies" not in found, f"{path} imports the API from below"
    if room in OUTSIDE:
        outside = {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - {"studies", "searchspace"}
        assert outside <= OUTSIDE[room], f"{path} imports {outside - OUTSIDE[room]}"


def test_each_room_says_in_its_first_line_what_it_is_for() -> None:
    for room in ROOMS:
        assert (ast.get_docstring(ast.parse((ROOT / "studies" / room / "__init__.py").read_text())) or "").strip()


def test_only_the_command_line_knows_its_arguments() -> None:
    users = {f.relative_to(ROOT).parts[1] for f in files("studies") if "argparse" in imports(f)}
    assert users == {"cli"}


@pytest.mark.parametrize("name", NO_TORCH)
def test_light_modules_import_no_torch(name: str) -> None:
    code = f"import sys, {name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("library", ["ray", "optuna"])
def test_one_folder_at_most_imports_an_engine(library: str) -> None:
    users = {f.parent for p in PACKAGES for f in files(p) if library in {name.split(".")[0] for name in imports(f)}}
    assert len(users) <= 1, users


def test_paper_numbers_are_read_by_one_module_only() -> None:
    readers = [f.name for p in PACKAGES for f in files(p) if 'with_name("paper")' in f.read_text()]
    assert readers == ["published.py"]
