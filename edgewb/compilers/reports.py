"""An inspection as text and as HTML. Names come from an untrusted file: control characters are shown, markup is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edgewb.compilers.inspections import Inspection, TensorInfo

_MAX_ROWS: Final = 2_000
_MAX_NAME: Final = 80
_WHERE: Final = {"edgetpu": "Edge TPU", "cpu": "CPU", "unknown": "unknown"}
_HEAD: Final = ("op", "kind", "version", "placement", "reason", "detail")


def _clean(text: str) -> str:
    """One line, printable, not too long."""
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: 2 * _MAX_NAME])
    return line if len(line) <= _MAX_NAME else line[: _MAX_NAME - 3] + "..."


def _rows(inspection: Inspection) -> list[tuple[str, ...]]:
    return [
        (
            str(entry.index),
            _clean(entry.op),
            str(entry.version),
            _WHERE[entry.placement.value],
            entry.reason or "",
            # Details quote at most one name, as a Python literal; they may be longer than a name, and lines may be too.
            "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in (entry.detail or "")[:300]),
        )
        for entry in inspection.ops[:_MAX_ROWS]
    ]


def _tensors(tensors: Iterable[TensorInfo]) -> str:
    parts = []
    for tensor in tensors:
        scheme = "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
        parts.append(f"{_clean(tensor.name)} {tensor.dtype} {list(tensor.shape)}{scheme}")
    return "; ".join(parts)


def _facts(inspection: Inspection) -> list[tuple[str, str]]:
    facts = [("file", _clean(inspection.file)), ("sha256", inspection.sha256)]
    if inspection.kind == "compiled":
        left = len(inspection.ops) - inspection.subgraphs
        facts.append(("kind", f"compiled for the Edge TPU: {inspection.subgraphs} Edge TPU subgraph(s), {left} op(s) left on the CPU"))
    else:
        total, mapped = inspection.ops_total or 0, inspection.ops_edgetpu or 0
        share = f"{100 * mapped / total:.1f} %" if total else "-"
        facts.append(("kind", f"source; placement {inspection.basis.value} for compiler {inspection.compiler}"))
        counts = f"{mapped} of {total} on the Edge TPU ({share}), {inspection.ops_cpu} on the CPU, {inspection.ops_unknown} unknown"
        facts.append(("ops", counts))
        blocker = inspection.first_blocker
        if blocker is None:
            facts.append(("first blocker", "none"))
        else:
            gain = f"mend it and {mapped} -> {mapped + blocker.ops_gained_if_fixed} ops map"
            facts.append(("first blocker", f"op {blocker.index} {_clean(blocker.op)} ({blocker.reason}): {blocker.detail[:300]}; {gain}"))
    facts.append(("inputs", _tensors(inspection.inputs)))
    facts.append(("outputs", _tensors(inspection.outputs)))
    return facts


def to_text(inspection: Inspection) -> str:
    """A plain-text report: facts, one line per op, findings."""
    facts, rows = _facts(inspection), _rows(inspection)
    label = max(len(name) for name, _ in facts)
    lines = [f"{name:<{label}}  {value}" for name, value in facts]
    table = [_HEAD, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(_HEAD))]
    lines += ["", *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)]
    if len(inspection.ops) > _MAX_ROWS:
        lines.append(f"... and {len(inspection.ops) - _MAX_ROWS} more ops")
    if inspection.findings:
        lines += ["", *(f"{f.severity.value}: {_clean_long(f.message)} {_clean_long(f.fix)}" for f in inspection.findings)]
    return "\n".join(lines)


def _clean_long(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:600])


def to_html(inspection: Inspection) -> str:
    """The same report as an HTML fragment without scripts. Its cells are aligned to the left, which a notebook by itself does not do."""
    left = ' style="text-align:left"'
    facts = "".join(f"<tr><th{left}>{html.escape(name)}</th><td{left}>{html.escape(value)}</td></tr>" for name, value in _facts(inspection))
    head = "".join(f"<th{left}>{html.escape(name)}</th>" for name in _HEAD)
    body = "".join("<tr>" + "".join(f"<td{left}>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in _rows(inspection))
    more = len(inspection.ops) - _MAX_ROWS
    rest = f"<p>... and {more} more ops</p>" if more > 0 else ""
    notes = "".join(
        f"<li>{f.severity.value}: {html.escape(_clean_long(f.message))} {html.escape(_clean_long(f.fix))}</li>" for f in inspection.findings
    )
    return (
        f'<div class="edgewb-inspection"><table>{facts}</table>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}" + (f"<ul>{notes}</ul>" if notes else "") + "</div>"
    )
