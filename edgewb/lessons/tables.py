"""Tables whose cells are sentences: wrapped in a notebook and in a terminal."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from typing import Any

_MARGIN = (
    "padding: .35em .7em; text-align: left; vertical-align: top; border-bottom: 1px solid rgba(128,128,128,.35); overflow-wrap: anywhere"
)

_NAME = 20
_NAME_EM = 0.6  # of a letter, in the fonts notebooks have


@dataclass(frozen=True, kw_only=True, repr=False)
class WordTable:
    """Columns, rows of as many cells, and a line below. What is in the cells is shown as it stands, never as markup.

    ``footnotes`` are numbered from 1, each a text and the address it is a link to, "" for none.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    footnotes: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(show_lines=True)
        for column in self.columns:
            table.add_column(Text(column), overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        # In a notebook rich would show the table by itself, beside the one of _repr_html_.
        console = Console(file=io.StringIO(), width=110, color_system=None, force_jupyter=False)
        console.print(table)
        if self.note:
            console.print(Text(self.note))
        for number, (text, _) in enumerate(self.footnotes, 1):
            console.print(Text(f"[{number}] {text}"))
        shown: Any = console.file
        return str(shown.getvalue()).rstrip()

    def _repr_html_(self) -> str:
        # A long word in one column would squeeze the sentences of the next to a word a line.
        longest = [max((len(row[i]) for row in self.rows), default=0) for i in range(len(self.columns))]
        least = [11 if length > 80 else 8 if length > 25 else min(length, 6) for length in longest]
        # A name of usual length stays whole: `ptq_int8_per_tensor` broken within a word is hard to copy.
        names = [max((len(word) for row in self.rows for word in row[i].split()), default=0) for i in range(len(self.columns))]
        widths = [f"; min-width: {max(em, _NAME_EM * name if name <= _NAME else 0):g}em" for em, name in zip(least, names, strict=True)]

        def cells(tag: str, texts: tuple[str, ...]) -> str:
            return "".join(
                f'<{tag} style="{_MARGIN}{width}">{html.escape(text)}</{tag}>' for text, width in zip(texts, widths, strict=True)
            )

        head = f"<tr>{cells('th', self.columns)}</tr>"
        body = "".join(f"<tr>{cells('td', row)}</tr>" for row in self.rows)
        note = f'<p style="margin: .4em 0; max-width: 60em"><small>{html.escape(self.note)}</small></p>' if self.note else ""
        for number, (text, address) in enumerate(self.footnotes, 1):
            shown = html.escape(text)
            linked = f'<a href="{html.escape(address)}">{shown}</a>' if address.startswith("https://") else shown
            note += f"<small>[{number}] {linked}</small><br>"
        table = f'<table style="border-collapse: collapse; font-size: 95%"><thead>{head}</thead><tbody>{body}</tbody></table>'
        return f'<div style="overflow-x: auto">{table}</div>{note}'
