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
    | {"pydantic", "yaml", "wrapt"},
    "reports": {"reports", "numpy", "pandas", "scipy", "matplotlib", "tabulate"},
    "studies": None,
}
NO_TORCH = ("spec", "presets", "expand", "shrink")


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


@pytest.mark.parametrize("name", NO_TORCH)
def test_spec_files_import_no_torch(name: str) -> None:
    code = f"import sys, searchspace.{name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("library", ["ray", "optuna"])
def test_one_file_at_most_imports_an_engine(library: str) -> None:
    users = [f for p in PACKAGES for f in files(p) if library in {name.split(".")[0] for name in imports(f)}]
    assert len(users) <= 1, users


def test_paper_numbers_are_read_by_one_module_only() -> None:
    readers = [f.name for p in PACKAGES for f in files(p) if 'with_name("paper")' in f.read_text()]
    assert readers == ["published.py"]


def test_listing_starts_without_heavy_imports() -> None:
    code = (
        "import sys; from studies.cli import main; main(['list']);"
        "heavy = {'torch', 'pandas', 'ray', 'timm', 'matplotlib', 'sklearn', 'optuna'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
