"""The HTML edition: executed, kept, and whole also where a notebook fails."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from edgewb.courses import book_pages, books
from edgewb.courses.books import make_book, read_head
from edgewb.errors import InputError

HEAD = "# 01 · A title\n\n**Goal.** You can do `x`.\n\n**Time.** 20 minutes. **You need** nothing: no stick. Then the text begins."


def notebook(*cells: object) -> nbformat.NotebookNode:
    return new_notebook(cells=list(cells), metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def write(folder: Path, name: str, *cells: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(*cells), path)
    return path


def test_what_a_notebook_says_of_itself() -> None:
    chapter = read_head("01_title", notebook(new_markdown_cell(HEAD)))
    assert (chapter.number, chapter.title, chapter.goal) == ("01", "A title", "You can do x.")
    assert (chapter.time, chapter.needs) == ("20 minutes.", "nothing: no stick.")
    bare = read_head("02_x", notebook())
    assert (bare.number, bare.title, bare.goal) == ("02", "02_x", "")


@pytest.mark.notebooks
def test_a_book_with_a_notebook_that_fails(tmp_path: Path) -> None:
    place, out, said = tmp_path / "notebooks", tmp_path / "book", []
    figure = (
        'import plotly.graph_objects as go\nimport edgewb\nprint(edgewb.__file__)\ngo.Figure(go.Bar(y=[1, 2]), {"title": {"text": "T"}})'
    )
    solution = [new_code_cell("x = 1", metadata={"tags": ["exercise"]}), new_code_cell("check('01.1', x)")]
    checked = new_code_cell("def check(*answers):\n    print('Right')")
    write(place, "01_title.ipynb", new_markdown_cell(HEAD), new_code_cell("x = ..."))
    write(place / "solutions", "01_title.ipynb", new_markdown_cell(HEAD), new_code_cell(figure), checked, *solution)
    write(
        place,
        "02_broken.ipynb",
        new_markdown_cell("# 02 · Broken"),
        new_code_cell("1 + 1"),
        new_code_cell("1 / 0"),
        new_code_cell("'later'"),
    )
    book = make_book(out, folder=place, tell=said.append)
    assert book.failures == ("02_broken: cell 3 (1 / 0): ZeroDivisionError: division by zero",)
    assert [line.split(":")[0] for line in said] == ["01_title", "02_broken"]
    page = (out / "01_title.html").read_text()
    assert page.count("data-figure=") == 1
    assert "details" in page[page.index("A solution") - 60 : page.index("A solution")]
    assert 'href="02_broken.html"' in page
    assert str(tmp_path) not in page
    broken = (out / "02_broken.html").read_text()
    assert "did not run through" in broken
    assert "ZeroDivisionError" in broken
    index = (out / "index.html").read_text()
    assert "You can do x." in index
    assert "Did not run through" in index
    again = make_book(out, folder=place)
    assert [chapter.kept for chapter in again.chapters] == [True, False], "what failed is tried again"
    for path in out.glob("*.html"):
        assert re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']*""", path.read_text()) == []


def test_no_notebooks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no notebooks 07"):
        make_book(tmp_path / "book", folder=tmp_path, only=("07",))


def test_the_key_depends_on_the_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    empty = books._state_of_code(tmp_path)
    (tmp_path / "data" / "x.json").write_text("{}")
    assert books._state_of_code(tmp_path) != empty


def test_what_a_page_shows_of_an_output() -> None:
    assert book_pages._drawn({book_pages.WIDGET: {}, "text/plain": "0%"}, "a") is None, "a progress bar"
    drawn = book_pages._drawn({book_pages.WIDGET: {}, "text/html": '<div class="edgewb">map</div>'}, "a")
    assert drawn is not None
    assert "A picture of a widget" in drawn["text/html"]
    assert "inert" in drawn["text/html"]
    figure = {"data": [], "layout": {"title": {"text": "a<br>b & <c>"}, "height": 300}}
    drawn = book_pages._drawn({book_pages.FIGURE: figure, "text/html": "<script>x</script>"}, "figure-3")
    assert drawn is not None
    assert "min-height: 300px" in drawn["text/html"]
    assert drawn["text/html"].count("<script") == 1, "nothing of the notebook's own"
    assert book_pages._drawn({"text/plain": "3"}, "a") == {"text/plain": "3"}


def test_places_of_this_computer_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgewb.bundles import bundled_model

    cell = new_code_cell("x", outputs=[nbformat.v4.new_output("execute_result", {"text/plain": str(bundled_model("elu_branch").path)})])
    left = book_pages._without_places(notebook(cell))
    assert left.cells[0].outputs[0].data["text/plain"] == os.path.join("data", "models", "elu_branch.tflite")


@pytest.mark.parametrize(("arguments", "status"), [(["--only", "99"], 2)])
def test_the_program(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert books.main(arguments) == status
    assert "no notebooks 99" in capsys.readouterr().err
