"""The HTML edition of the course: every notebook executed, with its outputs, one page each, and nothing asked from outside.

``python -m edgewb.courses.books`` (``make book``) writes it into build/book. What has not changed is not executed again.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from edgewb.caches import StageCache, code_fingerprint, fingerprint
from edgewb.errors import EdgewbError, InputError, first_line, require
from edgewb.locations import data_folder, write_whole
from edgewb.types import Jsonable

STAGE: Final = "book"
_CELL_SECONDS: Final = 1200
"""A notebook computes for three minutes at most on an idle computer; this one may not be idle."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chapter(Jsonable):
    """One notebook of the book.

    Attributes:
        stem: its name without ending. number, title: from its heading "# 03 · Title".
        goal, time, needs: what its first cell says after **Goal.**, **Time.** and **You need**.
        seconds: how long its execution took, when it was executed (measured).
        kept: it was not executed now, its outputs are kept from an earlier time.
        failure: cell and error where its execution ended; None where it ran through.
    """

    stem: str
    number: str
    title: str
    goal: str
    time: str
    needs: str
    seconds: float
    kept: bool
    failure: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Book(Jsonable):
    """What ``make_book`` wrote: ``index`` is the page to open."""

    index: str
    chapters: tuple[Chapter, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """Notebooks that did not run through, each with cell and error."""
        return tuple(f"{chapter.stem}: {chapter.failure}" for chapter in self.chapters if chapter.failure)


def make_book(
    out: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    only: tuple[str, ...] = (),
    tell: Callable[[str], None] | None = None,
) -> Book:
    """Execute the solved notebooks and write a page for each, an index, and the files they share.

    Args:
        out: where the pages go (default: build/book of the repository).
        folder: where the notebooks are (default: notebooks of the repository); of one that has a solution, that is taken.
        only: numbers of notebooks, such as "03"; all by default.
        tell: called with a line per notebook.

    Returns:
        The book, also where notebooks failed: their pages end with the error, the others are whole.

    Raises:
        InputError: there is no notebook. MissingPackageError: nbconvert or nbclient is not installed. StorageError: nothing can be written.
    """
    nbformat = require("nbformat", "lab", "to read notebooks")
    from edgewb.courses import book_pages

    root = data_folder().parent
    place = Path(folder) if folder is not None else root / "notebooks"
    target = Path(out) if out is not None else root / "build" / "book"
    files = [path for path in sorted(place.glob("[0-9][0-9]_*.ipynb")) if not only or path.name[:2] in only]
    if not files:
        named = f" {', '.join(only)}" if only else ""
        raise InputError(f"no notebooks{named} in {str(place)!r}: make them with `make notebooks`")
    say = tell or (lambda line: None)
    cache, code = StageCache(), _state_of_code(root)
    chapters, notebooks = [], []
    for path in files:
        solved = place / "solutions" / path.name
        source = (solved if solved.is_file() else path).read_text(encoding="utf-8")
        key = fingerprint({"notebook": source, "code": code})
        kept = cache.get(STAGE, key)
        if kept is not None:
            notebook = nbformat.reads(kept["notebook.ipynb"].decode(), as_version=4)
            seconds, failure = float(kept["seconds"]), None
        else:
            notebook = nbformat.reads(source, as_version=4)
            start = time.monotonic()
            failure = execute(notebook, place)
            seconds = time.monotonic() - start
            if failure is None:
                cache.put(STAGE, key, {"notebook.ipynb": nbformat.writes(notebook).encode(), "seconds": str(seconds).encode()})
        chapter = dataclasses.replace(read_head(path.stem, notebook), seconds=seconds, kept=kept is not None, failure=failure)
        how = "kept" if kept is not None else f"executed in {seconds:.0f} s"
        say(f"{chapter.stem}: {how if failure is None else f'FAILED, {failure}'}")
        chapters.append(chapter)
        notebooks.append(notebook)
    for name, content in book_pages.shared_files().items():
        write_whole(target / name, content)
    for i, notebook in enumerate(notebooks):
        write_whole(target / f"{chapters[i].stem}.html", book_pages.render_chapter(notebook, tuple(chapters), i))
    index = write_whole(target / "index.html", book_pages.render_index(tuple(chapters)))
    return Book(index=str(index), chapters=tuple(chapters))


def _state_of_code(root: Path) -> str:
    """What outputs depend on beside the notebook: the package, and the data that come with it."""
    digest = hashlib.sha256(code_fingerprint(("",)).encode())
    for path in sorted(path for path in (root / "data").rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(path.relative_to(root).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def execute(notebook: Any, folder: Path) -> str | None:
    """Run a notebook in ``folder``, its outputs go into it.

    Returns:
        None, or which cell failed how; cells after it have no outputs.
    """
    nbclient = require("nbclient", "lab", "to execute notebooks")
    exceptions = require("nbclient.exceptions", "lab", "to execute notebooks")
    client = nbclient.NotebookClient(notebook, timeout=_CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))  # the kernel works with the edgewb that asks
    try:
        client.execute(env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    except exceptions.CellExecutionError as error:
        return f"{_failed_cell(notebook)}: {error.ename}: {first_line(Exception(error.evalue))}"
    except exceptions.CellTimeoutError:
        return f"{_failed_cell(notebook)}: no end after {_CELL_SECONDS} s"
    except (exceptions.DeadKernelError, RuntimeError) as error:
        return f"{_failed_cell(notebook)}: the kernel ended ({first_line(error)})"
    return None


def _failed_cell(notebook: Any) -> str:
    """The cell where an execution stopped: the last that was begun."""
    begun = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and (cell.execution_count or cell.outputs)]
    if not begun:
        return "before its first cell"
    lines = notebook.cells[begun[-1]].source.splitlines() or [""]
    return f"cell {begun[-1] + 1} ({lines[-1].strip()[:60]})"


def read_head(stem: str, notebook: Any) -> Chapter:
    """What a notebook says of itself in its first cell, for the index."""
    first = notebook.cells[0].source if notebook.cells else ""
    heading = re.search(r"^# (?:(\d\d) · )?(.+)$", first, re.MULTILINE)
    said = " ".join(first.split())

    def after(label: str, end: str = r"\*\*|$") -> str:
        found = re.search(rf"\*\*{label}\.?\*\*(.*?)(?={end})", said)
        return re.sub(r"[*`]", "", found[1]).strip() if found else ""

    return Chapter(
        stem=stem,
        number=(heading[1] if heading else None) or stem[:2],
        title=heading[2] if heading else stem,
        goal=after("Goal"),
        time=after("Time"),
        needs=_sentence(after("You need")),
        seconds=0.0,
        kept=False,
    )


def _sentence(text: str) -> str:
    """The first sentence: what follows in that cell is the beginning of the text."""
    return re.split(r"(?<=[.!?]) ", text)[0]


def main(arguments: list[str] | None = None) -> int:
    """Write the book; exit status 1 when a notebook failed, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m edgewb.courses.books", description="The HTML edition of the course.")
    parser.add_argument("--out", metavar="DIR", help="where the pages go (default build/book)")
    parser.add_argument("--only", default="", metavar="03,07", help="these notebooks alone")
    given = parser.parse_args(arguments)
    only = tuple(number.strip() for number in given.only.split(",") if number.strip())
    try:
        book = make_book(given.out, only=only, tell=lambda line: print(line, flush=True))
    except EdgewbError as error:
        print(f"edgewb: {error}", file=sys.stderr)
        return 2
    print(f"{book.index} (opens in any browser, without a network)")
    for failure in book.failures:
        print(f"edgewb: {failure}", file=sys.stderr)
    return 1 if book.failures else 0


if __name__ == "__main__":
    sys.exit(main())
