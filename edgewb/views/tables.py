"""The table of a study for a terminal, and the same for a notebook."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

from edgewb.records.columns import notes, summary_columns
from edgewb.records.formats import plain
from edgewb.records.tables import MARK, render_html, render_text
from edgewb.types import Recommendation, Record, Skipped
from edgewb.verdicts import verdict_note


def table_text(
    records: Sequence[Record],
    recommendation: Recommendation | None = None,
    skipped: Sequence[Skipped] = (),
    *,
    width: int = 100,
    colour: bool = False,
) -> str:
    """Records as a table with its basis and n below, then the recommendation and the recipes not run.

    Args:
        width: columns of the terminal; a table that is wider goes on below itself.
        colour: add terminal colours; leave it off for a pipe or a file.
    """
    width = max(width, 40)
    chosen = recommendation.recipe if recommendation else None
    table = render_text(summary_columns(records, chosen), width)
    below = list(notes(records))
    if recommendation is not None and (line := verdict_note(recommendation.verdicts, chosen)):
        below.append(plain(line))
    if chosen is not None and any(r.recipe == chosen for r in records):
        below.append(f"{MARK} recommended, see below")
    blocks = [table, _wrapped(below, width)]
    if recommendation is not None:
        title = f"Recommended: {plain(chosen)}" if chosen else "No variant is recommended"
        blocks.append(f"{title}\n{_wrapped([plain(recommendation.why)], width, '  ')}")
    if skipped:
        blocks.append("Not run\n" + _wrapped([f"{plain(s.recipe)}: {plain(s.reason)}" for s in skipped], width, "  "))
    text = "\n".join(block for block in blocks if block.strip())
    return _coloured(text, width) if colour else text


def _wrapped(lines: Sequence[str], width: int, indent: str = "") -> str:
    return "".join(textwrap.fill(line, width, initial_indent=indent, subsequent_indent=indent + "  ") + "\n" for line in lines)


def _coloured(text: str, width: int) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=max(width, 400), highlight=False)
    part = "table"
    for line in text.splitlines():
        if part == "table" and line.startswith(("accuracy: ", "R2, MAE and RMSE: ")):
            part = "notes"
        elif part == "notes" and not line:
            part = "rest"
        style = "dim" if part == "notes" else ""
        if part == "table" and f" {MARK} " in f"{line} ":
            style = "bold green"
        elif part == "rest" and line.startswith(("Recommended:", "No variant", "Not run")):
            style = "bold"
        # Text, not a string: square brackets of intervals and of data are no markup here.
        console.print(Text(line, style=style), soft_wrap=True)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def recommendation_html(recommendation: Recommendation) -> str:
    """The recommendation as one paragraph; every text is escaped."""
    title = f"Recommended: <code>{html.escape(recommendation.recipe)}</code>" if recommendation.recipe else "No variant is recommended"
    return f"<p><strong>{title}</strong><br>{html.escape(recommendation.why)}</p>"


def summary_html(records: Sequence[Record], recommendation: Recommendation | None = None) -> str:
    """A study in a notebook: the table with its basis and n, and the recommendation. For ``_repr_html_``."""
    chosen = recommendation.recipe if recommendation else None
    below = list(notes(records))
    if recommendation is not None and (line := verdict_note(recommendation.verdicts, chosen)):
        below.append(line)
    if chosen is not None and any(r.recipe == chosen for r in records):
        below.append(f"{MARK} recommended")
    parts = [f'<div style="overflow-x:auto">{render_html(summary_columns(records, chosen))}</div>']
    parts.append("<p><small>" + "<br>".join(html.escape(line) for line in below) + "</small></p>")
    if recommendation is not None:
        parts.append(recommendation_html(recommendation))
    return "".join(parts)
