"""The notebooks come from their sources, have the form of the course, hold no outputs, and run from the first cell to the last."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import course_notebooks as course
import nbformat
import pytest

WIDGETS = "application/vnd.jupyter.widget-view+json"
FIGURE = "application/vnd.plotly.v1+json"
CHECK = "application/vnd.edgewb.check+json"
# An axis title names its unit in one of these ways: (ms), in ms, %, number of ..., n, or says that there is none.
UNIT = re.compile(r"\(.+\)|, [^ ]|\bin \w|%|\bn\b|number|count|points|value|class|score|share|times", re.IGNORECASE)
by_name = pytest.mark.parametrize("source", course.SOURCES, ids=lambda path: path.stem)


def test_there_are_notebooks() -> None:
    assert course.SOURCES
    assert [path.stem for path in sorted(course.FOLDER.glob("*.ipynb"))] == [path.stem for path in course.SOURCES]


def test_numbers_are_given_once() -> None:
    numbers = [path.name[:2] for path in course.SOURCES]
    assert len(set(numbers)) == len(numbers)


@by_name
def test_notebooks_are_what_their_source_gives(source: Path) -> None:
    for path, text in course.generator().generated(source).items():
        assert (course.FOLDER / path).read_text(encoding="utf-8") == text, "run `make notebooks`"


@by_name
def test_notebooks_hold_no_outputs(source: Path) -> None:
    for path in course.generator().generated(source):
        cells = course.code_cells(nbformat.read(course.FOLDER / path, as_version=4))
        assert [cell.outputs for cell in cells if cell.outputs] == []


@by_name
def test_form(source: Path) -> None:
    assert list(course.complaints(source)) == []


@by_name
def test_every_exercise_has_a_judge(source: Path) -> None:
    import jupytext

    from edgewb.courses.checks import list_exercises

    checked = course.checks_in(jupytext.read(source))
    assert sorted(checked) == [number for number in list_exercises() if number.startswith(source.name[:2])]


@pytest.fixture(scope="session")
def course_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all notebooks, so that what two of them train is trained once; another one by EDGEWB_NOTEBOOKS_HOME.

    Two workers share it, as two people's studies may share a home: who comes second waits for what is under way.
    """
    given = os.environ.get("EDGEWB_NOTEBOOKS_HOME")
    if given:
        return Path(given)
    run = tmp_path_factory.getbasetemp()
    home = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "course"
    home.mkdir(exist_ok=True)
    return home


@pytest.mark.notebooks
@pytest.mark.training
@by_name
def test_notebook_runs(source: Path, tmp_path: Path, course_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient

    monkeypatch.setenv("EDGEWB_HOME", str(course_home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    place = tmp_path / "notebooks"
    place.mkdir()
    notebook = course.for_execution(source, fast=True)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()
    cells = course.code_cells(notebook)
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    # The bar is on standard error or a widget; anything else there would be noise a reader must explain to himself.
    streams = [output for cell in cells for output in cell.outputs if output.output_type == "stream"]
    assert [output.text for output in streams if output.name == "stderr" and "left" not in output.text] == []
    for cell in cells:
        for answer in [output.data[CHECK] for output in cell.outputs if CHECK in output.get("data", {})]:
            assert answer["passed"] is not course.tagged(cell, "open"), (cell.source, answer["message"])
    assert sum(CHECK in output.get("data", {}) for cell in cells for output in cell.outputs) == 2 * len(course.checks_in_source(source))
    assert list(_figure_complaints(notebook)) == []


def _figure_complaints(notebook: Any) -> list[str]:
    """Figures without a title, without units on their axes, or without a sentence below that reads them."""
    found = []
    for i, cell in enumerate(notebook.cells):
        shown = cell.get("outputs", [])
        figures = [output.data[FIGURE] for output in shown if FIGURE in output.get("data", {})]
        pictures = figures or [
            output for output in shown if WIDGETS in output.get("data", {}) or "<svg" in output.get("data", {}).get("text/html", "")
        ]
        after = next((one.source for one in notebook.cells[i + 1 :] if one.cell_type == "markdown"), "")
        if pictures and not after.startswith("**Reading.**") and "tqdm" not in str(pictures):
            found.append(f"no **Reading.** below the figure of {cell.source!r}")
        for figure in figures:
            layout = figure["layout"]
            if not layout.get("title", {}).get("text"):
                found.append(f"a figure without a title: {cell.source!r}")
            for name, axis in layout.items():
                if re.fullmatch(r"[xy]axis\d*", name) and axis.get("visible", True) and axis.get("showticklabels", True):
                    title = (axis.get("title") or {}).get("text", "")
                    if not (title and UNIT.search(title)) and not _names_things(figure, name) and not axis.get("matches"):
                        found.append(f"{name} of {cell.source!r} is titled {title!r}: what is it, and in which unit?")
    return found


def _names_things(figure: Any, name: str) -> bool:
    """An axis whose ticks are words (recipes, layers) explains itself."""
    axis = figure["layout"][name]
    if axis.get("type") == "category" or any(
        isinstance(text, str) and text.strip("0123456789.,- ") != "" for text in axis.get("ticktext") or []
    ):
        return True
    letter = name[0]
    key = f"{letter}{name[5:]}"
    values = [trace.get(letter) for trace in figure["data"] if trace.get(f"{letter}axis", letter) == key]
    return bool(values) and all(isinstance(one, list) and one and isinstance(one[0], str) for one in values)
