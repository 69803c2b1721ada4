"""The notebooks come from their sources, hold no outputs, keep their cells short, and run from the first cell to the last."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """notebooks/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "notebooks" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [path.stem for path in sorted((ROOT / "notebooks" / "sources").glob("*.py"))]
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_what_its_source_gives(path: Path, generate: ModuleType) -> None:
    assert path.read_text() == generate.generated(path.parent / "sources" / f"{path.stem}.py"), "run `make notebooks`"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_short_cells_and_no_outputs(path: Path) -> None:
    import nbformat

    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code if cell.outputs] == []
    assert max(len(cell.source.splitlines()) for cell in code) <= 12


@pytest.mark.notebooks
@pytest.mark.training
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    place = tmp_path / "notebooks"
    place.mkdir()
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    # The bar is on standard error or a widget; anything else there would be noise a reader must explain to himself.
    noise = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr" and "left" not in output.text]
    assert noise == []
    assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in outputs)
    assert (tmp_path / "runs").is_dir()
    assert os.listdir(tmp_path / "home")
