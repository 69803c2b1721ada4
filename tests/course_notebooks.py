"""The notebooks of the course as data, and what their form has to be."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
import nbformat

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
SOURCES = sorted((FOLDER / "sources").glob("[0-9][0-9]_*.py"))
IMPORTS = {"edgewb", "pathlib"}  # what a notebook computes is in the library
LONGEST_CELL, MEDIAN_CELL = 12, 4  # lines
PARAMETER = "FAST"


@functools.cache
def generator() -> ModuleType:
    """notebooks/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tagged(cell: Any, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def is_check(cell: Any) -> bool:
    """Whether a cell only asks ``check`` about answers."""
    return cell.cell_type == "code" and cell.source.startswith("check(")


def checks_in(notebook: Any) -> list[str]:
    """The numbers of the exercises a notebook checks."""
    return re.findall(r'\bcheck\("([^"]+)"', "\n".join(cell.source for cell in code_cells(notebook)))


def complaints(source: Path) -> Iterator[str]:
    """What is wrong with the form of a notebook's source; nothing where it is as the course wants it."""
    notebook = jupytext.read(source)
    number = source.name[:2]
    code, prose = code_cells(notebook), [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    text = "\n".join(prose)
    yield from _prose_complaints(number, prose, text)
    lines = [len(cell.source.splitlines()) for cell in code]
    if max(lines) > LONGEST_CELL:
        yield f"a cell of {max(lines)} lines; {LONGEST_CELL} are the most"
    if statistics.median(lines) > MEDIAN_CELL:
        yield f"cells of {statistics.median(lines)} lines in the median; {MEDIAN_CELL} are the most"
    for cell in code:
        for name in sorted(_imported(cell.source) - IMPORTS):
            yield f"imports {name}: what a notebook computes is in the library"
    yield from _reading_complaints(notebook)
    exercises = generator().exercises_of(notebook)
    if not exercises:
        yield "no exercise (a cell tagged so)"
    yield from _exercise_complaints(number, notebook)


def _prose_complaints(number: str, prose: list[str], text: str) -> Iterator[str]:
    if not re.match(rf"# {number} · \S", prose[0]):
        yield f"the first cell does not begin with '# {number} · '"
    for word in ("**Goal.**", "**Time.**"):
        if word not in prose[0]:
            yield f"the first cell has no {word}"
    for heading in ("## Exercise", "## Summary", "## Read next"):
        if not re.search(rf"^{heading}", text, re.MULTILINE):
            yield f"no '{heading}'"
    for word in ("**Question.**", "**Reading.**"):
        if word not in text:
            yield f"no {word}"
    if re.search(r"\$[^$\n]+\$|\\\(|\\\[|\\frac", text):
        yield "LaTeX, which the HTML edition does not set"


def draws(code: str) -> bool:
    """Whether a cell's last line shows a figure: ``plot_x(...)`` or ``draw_x(...)``."""
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    if not (isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and isinstance(last.value.func, ast.Name)):
        return False
    return last.value.func.id.startswith(("plot_", "draw_"))


def _reading_complaints(notebook: Any) -> Iterator[str]:
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if cell.cell_type != "code" or not draws(cell.source):
            continue
        if after is None or after.cell_type != "markdown" or not after.source.startswith("**Reading.**"):
            yield f"no **Reading.** directly after the figure of {cell.source.splitlines()[-1]!r}"


def _exercise_complaints(number: str, notebook: Any) -> Iterator[str]:
    cells = code_cells(notebook)
    checked = checks_in(notebook)
    if [name for name in checked if not name.startswith(f"{number}.")]:
        yield f"checks exercises of another notebook: {checked}"
    if len(set(checked)) != len(checked):
        yield f"an exercise is checked twice: {checked}"
    for i, cell in enumerate(cells):
        if not tagged(cell, generator().EXERCISE):
            continue
        generator().with_gaps(cell.source)  # raises where the gaps cannot be made
        if not (i + 1 < len(cells) and is_check(cells[i + 1])):
            yield "an exercise cell without a check directly after it"
        answers = _assigned(cell.source)
        rest = cells[i + 1 :]
        while rest and is_check(rest[0]):
            rest = rest[1:]
        for later in rest:
            for name in sorted(answers & _used(later.source)):
                yield f"{name} comes from an exercise and is used after its check: with the gap open that cell would fail"


def _imported(code: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def _assigned(code: str) -> set[str]:
    tree = ast.parse(code)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _used(code: str) -> set[str]:
    tree = ast.parse(code)
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)} - stored


def for_execution(source: Path, fast: bool) -> Any:
    """The notebook with each exercise first as a gap and checked, then solved and checked, so that one run shows both."""
    notebook = jupytext.read(source)
    cells: list[Any] = []
    i = 0
    while i < len(notebook.cells):
        cell = notebook.cells[i]
        if fast and tagged(cell, "parameters"):
            cell.source = re.sub(rf"^{PARAMETER} = False", f"{PARAMETER} = True", cell.source, flags=re.MULTILINE)
        if not tagged(cell, generator().EXERCISE):
            cells.append(cell)
            i += 1
            continue
        after = i + 1
        while after < len(notebook.cells) and (notebook.cells[after].cell_type != "code" or is_check(notebook.cells[after])):
            after += 1
        checks = [one for one in notebook.cells[i + 1 : after] if is_check(one)]
        gap = nbformat.v4.new_code_cell(generator().with_gaps(cell.source), metadata={"tags": ["gap"]})
        before = [nbformat.v4.new_code_cell(one.source, metadata={"tags": ["open"]}) for one in checks]
        cells += [gap, *before, *notebook.cells[i:after]]
        i = after
    notebook.cells = cells
    return notebook


def checks_in_source(source: Path) -> list[str]:
    """The numbers of the exercises a source checks."""
    return checks_in(jupytext.read(source))
