"""The pages of the HTML edition: executed notebooks through nbconvert with a template of ours."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edgewb import __version__
from edgewb.environments import environment
from edgewb.errors import require
from edgewb.locations import home

if TYPE_CHECKING:
    from edgewb.courses.books import Chapter

HERE: Final = Path(__file__).parent
FIGURE: Final = "application/vnd.plotly.v1+json"
WIDGET: Final = "application/vnd.jupyter.widget-view+json"
CHECK: Final = "application/vnd.edgewb.check+json"
_PLOTLY_FILE: Final = "plotly.min.js"
_WIDGET_SHEETS: Final = HERE.parent / "views" / "widgets" / "static"
_LIGHT, _DARK = "xcode", "github-dark"  # pygments' styles that keep a contrast of 4.5 on the cards of book.css


def shared_files() -> dict[str, str]:
    """What all pages share, by file name: plotly.js, the script that draws with it, style sheets."""
    offline = require("plotly.offline", "views", "for the figures of the book")
    formatters = require("pygments.formatters", "lab", "to colour code")
    light, dark = (formatters.HtmlFormatter(style=style).get_style_defs(".highlight") for style in (_LIGHT, _DARK))
    sheets = [path.read_text(encoding="utf-8") for path in sorted(_WIDGET_SHEETS.glob("*.css"))]
    own = (HERE / "static" / "book.css").read_text(encoding="utf-8")
    return {
        _PLOTLY_FILE: str(offline.get_plotlyjs()),
        "book.js": (HERE / "static" / "book.js").read_text(encoding="utf-8"),
        "book.css": f"{own}\n{_in_scheme('light', light)}{_in_scheme('dark', dark)}.highlight {{ background: none; }}\n",
        "widgets.css": "\n".join(sheets),
    }


def _in_scheme(scheme: str, rules: str) -> str:
    """Rules for one scheme alone: what one style colours and the other does not, must not be seen on the other's ground."""
    return f"@media (prefers-color-scheme: {scheme}) {{\n{rules}\n}}\n"


def render_chapter(notebook: Any, chapters: tuple[Chapter, ...], position: int) -> str:
    """The page of an executed notebook.

    Args:
        notebook: with outputs.
        chapters: all of the book. position: of this one among them.

    Raises:
        MissingPackageError: nbconvert is not installed.
    """
    nbconvert = require("nbconvert", "lab", "to write the book")
    chapter = chapters[position]
    notebook = _without_places(notebook)
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(([0-9]{2}_\w+)\.ipynb", r"](\1.html", cell.source)
            continue
        outputs = []
        for output in cell.outputs:
            if "data" in output:
                drawn = _drawn(output.data, f"figure-{number}")
                number += FIGURE in output.data
                if drawn is None:
                    continue
                output.data = drawn
            elif output.output_type == "stream" and output.name == "stderr":
                continue  # progress bars
            outputs.append(output)
        cell.outputs = outputs
    _fold(notebook)
    exporter = nbconvert.HTMLExporter(
        template_name="book",
        extra_template_basedirs=[str(HERE / "templates")],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        anchor_link_text="",
    )
    resources = {
        "book": {
            "chapter": chapter,
            "before": chapters[position - 1] if position else None,
            "after": chapters[position + 1] if position + 1 < len(chapters) else None,
            "contents": list(_contents(notebook)),
            "has_figures": number > 0,
            "plotly": _PLOTLY_FILE,
            "computed": _computed(chapter),
        }
    }
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    return str(body)


def render_index(chapters: tuple[Chapter, ...]) -> str:
    """The page that lists all notebooks."""
    jinja2 = require("jinja2", "views", "to write the book")
    loader = jinja2.FileSystemLoader(HERE / "templates" / "book")
    environment_ = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page: str = environment_.get_template("contents.html.j2").render(
        chapters=chapters, computed=_computed(None), minutes=round(sum(chapter.seconds for chapter in chapters) / 60)
    )
    return page


def _without_places(notebook: Any) -> Any:
    """A copy in whose outputs no folder of this computer is named: readers elsewhere have others."""
    nbformat = require("nbformat", "lab", "to read notebooks")
    text = nbformat.writes(notebook)
    for place in (str(HERE.parents[1]), str(home()), str(Path.home())):
        if len(place) > 1:
            text = text.replace(f"{json.dumps(place)[1:-1]}/", "")
    return nbformat.reads(text, as_version=4)


def _computed(chapter: Chapter | None) -> str:
    """On what the outputs were computed, without a name of this computer."""
    here = environment()
    cores = f"{here.cores} core{'s' * (here.cores != 1)}"
    took = f" in {chapter.seconds:.0f} s" if chapter is not None else ""
    return f"Computed{took} with edgewb {__version__} on {here.cpu}, {cores}, Python {here.python}."


def _drawn(data: dict[str, Any], name: str) -> dict[str, Any] | None:
    """An output as the page can show it; None for what it cannot, such as a progress bar."""
    if FIGURE in data:
        figure = {"data": data[FIGURE]["data"], "layout": data[FIGURE]["layout"]}
        title = re.sub(r"<[^>]*>", " ", str((figure["layout"].get("title") or {}).get("text", "figure")))
        height = int(figure["layout"].get("height") or 450)
        content = json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c")
        return {
            "text/html": f'<div class="plot" id="{name}" role="img" aria-label="{html.escape(title)}" style="min-height: {height}px"></div>'
            f'<script type="application/json" data-figure="{name}">{content}</script>'
        }
    if WIDGET in data:
        if 'class="edgewb"' not in data.get("text/html", ""):
            return None
        note = "A picture of a widget. In JupyterLab it moves, and answers when you click."
        return {
            "text/html": f'<figure class="widget"><figcaption>{note}</figcaption>'
            f"{_scrolled('<div inert>' + data['text/html'] + '</div>', 'Picture of a widget')}</figure>"
        }
    if "text/html" in data:
        return {"text/html": _scrolled(data["text/html"], "Result")}
    return data


def _scrolled(content: str, name: str) -> str:
    """What may be wider than the page, in a box that the arrow keys scroll."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{name}">{content}</div>'


def _fold(notebook: Any) -> None:
    """Mark where a solution begins and ends: the exercise's cell with the checks after it."""
    cells = notebook.cells
    for i, cell in enumerate(cells):
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        last = i
        while last + 1 < len(cells) and cells[last + 1].cell_type == "code" and cells[last + 1].source.startswith("check("):
            last += 1
        cell.metadata["book_opens"], cells[last].metadata["book_closes"] = True, True


def _contents(notebook: Any) -> Iterator[tuple[str, str]]:
    """Anchor, as nbconvert makes it, and text of each heading of the second level."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for text in re.findall(r"^## (.+?)\s*$", cell.source, re.MULTILINE):
                plain = re.sub(r"[*`]", "", text)
                yield plain.replace(" ", "-"), plain
