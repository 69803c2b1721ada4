"""Make the notebooks from their text sources in notebooks/sources (jupytext percent), without outputs.

``python notebooks/generate.py`` writes them; with ``--check`` it only says which are stale, with exit status 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).parent


def generated(source: Path) -> str:
    """The notebook of a source, as the text of its .ipynb. Cell ids are numbers, so that the same source gives the same file."""
    notebook = jupytext.read(source)
    for i, cell in enumerate(notebook.cells):
        cell["id"] = str(i)  # as nbstripout numbers them
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def main() -> int:
    """Write the notebooks, or check them."""
    sources = sorted((HERE / "sources").rglob("*.py"))
    wanted = {HERE / source.relative_to(HERE / "sources").with_suffix(".ipynb"): generated(source) for source in sources}
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
