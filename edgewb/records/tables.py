"""A table for people, from its columns: as text of a given width, as HTML."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Sequence
from typing import Literal

MARK = "*"
_PAGE_WIDTH = 130  # characters of one table on a page 1366 pixels wide
_BLOCK_WIDTH = 100  # where one is not enough: as in a terminal, latencies together


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table for people: the lines of its header, and one cell per record. "" is an empty cell."""

    title: tuple[str, ...]
    cells: tuple[str, ...]
    align: Literal["left", "right"] = "right"

    @property
    def width(self) -> int:
        return max(map(len, (*self.title, *self.cells)))


def render_text(columns: Sequence[Column], width: int = 100) -> str:
    """Columns as plain text within ``width`` characters; what does not fit goes into a further table that repeats the first column."""
    if not columns:
        return "no records\n"
    for gap in (2, 1):
        if _width(columns, gap) <= width:
            return _render_block(columns, gap)
    return "\n".join(_render_block(block, 2) for block in _blocks(columns, width))


def _width(columns: Sequence[Column], gap: int) -> int:
    return sum(c.width for c in columns) + gap * (len(columns) - 1)


def _blocks(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Columns dealt out to tables no wider than that, each with the first column."""
    first, rest = columns[0], list(columns[1:])
    blocks: list[list[Column]] = []
    while rest:
        chosen = [first]
        while rest and (len(chosen) == 1 or _width([*chosen, rest[0]], 2) <= width):
            chosen.append(rest.pop(0))
        blocks.append(chosen)
    return blocks


def _render_block(columns: Sequence[Column], gap: int) -> str:
    depth = max(len(c.title) for c in columns)
    titles = [("",) * (depth - len(c.title)) + c.title for c in columns]

    def line(cells: Iterable[str]) -> str:
        padded = (c.ljust(k.width) if k.align == "left" else c.rjust(k.width) for c, k in zip(cells, columns, strict=True))
        return (" " * gap).join(padded).rstrip()

    lines = [line(t[level] for t in titles) for level in range(depth)]
    lines.append("-" * _width(columns, gap))
    lines += [line(cells) for cells in zip(*(c.cells for c in columns), strict=True)]
    return "\n".join(lines) + "\n"


def render_html(columns: Sequence[Column]) -> str:
    """Columns as an HTML table, or several below each other where a laptop's page is too narrow for one; every text is escaped."""
    if not columns:
        return "<p>no records</p>"
    if _width(columns, 2) > _PAGE_WIDTH:
        return "".join(_html_table(block) for block in _blocks(columns, _BLOCK_WIDTH))
    return _html_table(columns)


def _html_table(columns: Sequence[Column]) -> str:

    def cell(tag: str, text: str, align: str, extra: str = "") -> str:
        return f'<{tag}{extra} style="text-align:{align}">{text}</{tag}>'

    head = "".join(cell("th", "<br>".join(html.escape(t) for t in c.title), c.align, ' scope="col"') for c in columns)
    body = []
    for row in zip(*(c.cells for c in columns), strict=True):
        marked = ' class="marked"' if row[0].endswith(f" {MARK}") else ""
        cells = [cell("td" if i else "th", html.escape(t), columns[i].align, "" if i else ' scope="row"') for i, t in enumerate(row)]
        body.append(f"<tr{marked}>{''.join(cells)}</tr>")
    return f'<table class="edgewb-figures"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
