"""The notebooks of `examples/`: committed without outputs, and each runs from an empty folder."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]


def code_cells(book: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def executed(path: Path, folder: Path) -> NotebookNode:
    """Run it in a folder with this interpreter and this checkout.

    Raises:
        CellExecutionError: if a cell raises.
    """
    variables = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder.parent / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"}
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}})
    return client.execute(env=os.environ | variables)


def shown(book: NotebookNode, kind: str) -> list[str]:
    """What it displays in a MIME type."""
    outputs = [output for cell in code_cells(book) for output in cell.outputs]
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def test_there_are_notebooks() -> None:
    assert NAMES == ["compare_two", "plan_a_table", "read_a_study"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    for cell in code_cells(book):
        assert cell.outputs == [] and cell.execution_count is None, cell.source
    text = path.read_text()
    assert [start for start in ("/home/", "/root/", "/tmp/", "/Users/", "C:\\") if start in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_runs_from_an_empty_folder(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clean"
    folder.mkdir()
    book = executed(path, folder)
    assert all(cell.execution_count for cell in code_cells(book)), "every cell was run"
    assert any('class="dataframe"' in html for html in shown(book, "text/html")), "a frame; progress is HTML too"
    assert any("|:--" in text for text in shown(book, "text/markdown")), "a report's table"
    assert len(shown(book, "image/png")) >= 2
