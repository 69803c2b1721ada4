"""Make the notebooks from their text sources in notebooks/sources (jupytext percent), without outputs.

A source with exercises gives two: one with gaps, to be worked through, and one in notebooks/solutions as it stands.
``python notebooks/generate.py`` writes them; with ``--check`` it only says which are stale, with exit status 1.
"""

from __future__ import annotations

import ast
import copy
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat

HERE = Path(__file__).parent
SOLUTIONS = "solutions"
EXERCISE = "exercise"  # the tag of a cell whose answers are cut out


def with_gaps(code: str) -> str:
    """The code of an exercise without its answers.

    Comments at the start of a line and imports stay, ``a, b = ...`` becomes ``a, b = ..., ...``, and a function keeps its head and
    docstring. Anything else would show the answer, or fail without it.

    Raises:
        ValueError: for anything else.
    """
    lines = code.splitlines()
    pieces: dict[int, str] = {}
    for i, line in enumerate(lines):
        if line.startswith("#") or not line.strip():
            pieces[i] = line
    for node in ast.parse(code).body:
        for inside in range(node.lineno - 1, node.end_lineno or node.lineno):
            pieces.pop(inside, None)
        pieces[node.lineno - 1] = _gap(node, lines)
    kept = "\n".join(pieces[i] for i in sorted(pieces))
    return kept.strip("\n")


def _gap(node: ast.stmt, lines: list[str]) -> str:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return ast.unparse(node)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        names = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else [node.targets[0]]
        if all(isinstance(name, ast.Name) for name in names):
            return f"{', '.join(ast.unparse(name) for name in names)} = {', '.join(['...'] * len(names))}"
    if isinstance(node, ast.FunctionDef):
        body = node.body
        documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str)
        last = body[0].end_lineno if documented else body[0].lineno - 1
        return "\n".join([*lines[node.lineno - 1 : last], "    ..."])
    raise ValueError(f"an exercise cell holds assignments to names, functions and imports only, not {ast.unparse(node)!r}")


def written(notebook: Any) -> str:
    """A notebook as the text of its file. Cell ids are numbers, so that the same source gives the same file."""
    notebook = copy.deepcopy(notebook)
    for i, cell in enumerate(notebook.cells):
        cell["id"] = str(i)  # as nbstripout numbers them
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def exercises_of(notebook: Any) -> list[Any]:
    """The cells whose answers are cut out."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and EXERCISE in cell.metadata.get("tags", [])]


def generated(source: Path) -> dict[Path, str]:
    """The notebooks of a source, by their path below notebooks/."""
    notebook = jupytext.read(source)
    path = source.relative_to(HERE / "sources").with_suffix(".ipynb")
    exercises = exercises_of(notebook)
    if not exercises:
        return {path: written(notebook)}
    made = {path.parent / SOLUTIONS / path.name: written(notebook)}
    for cell in exercises:
        cell.source = with_gaps(cell.source)
    return {path: written(notebook), **made}


def main() -> int:
    """Write the notebooks, or check them."""
    wanted = {HERE / path: text for source in sorted((HERE / "sources").rglob("*.py")) for path, text in generated(source).items()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    extra = sorted(path for path in set(HERE.rglob("*.ipynb")) - set(wanted) if ".ipynb_checkpoints" not in path.parts)
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"stale: notebooks/{path.relative_to(HERE)}; run `make notebooks`", file=sys.stderr)
        for path in extra:
            print(f"no source for notebooks/{path.relative_to(HERE)}: add it to notebooks/sources or delete it", file=sys.stderr)
        return 1 if stale or extra else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote notebooks/{path.relative_to(HERE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
