"""A diagnosis as text and as HTML. Names come from untrusted files: control characters are shown as "?", markup is escaped."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from edgewb.records.formats import plain, points, quantities
from edgewb.records.tables import Column, render_html, render_text

if TYPE_CHECKING:
    from edgewb.debugging.results import Diagnosis, Layer, Rung
    from edgewb.types import AccuracyDelta, ErrorDelta

SHOWN: Final = 10
_WIDTH: Final = 140
_REMARKS: Final = "On the rungs:"
_RUNG: Final = "rung: the same examples, one rung further on the way from the float model to the device"


def text(diagnosis: Diagnosis) -> str:
    """The rungs, the costliest layers, the findings, and first of all the verdict."""
    remarks = _remarks(diagnosis)
    parts = [
        _wrapped(f"Culprit: {plain(diagnosis.verdict)}"),
        _wrapped(f"What helps: {diagnosis.culprit.remedy}") if diagnosis.culprit else "",
        "",
        f"{plain(diagnosis.model)}, {plain(diagnosis.int8_file)}, on the validation split of {plain(diagnosis.dataset)}",
        render_text(_rung_columns(diagnosis), _WIDTH).rstrip(),
        *([_REMARKS, *(_wrapped(f"  {name}: {remark}") for name, remark in remarks)] if remarks else []),
        *(_wrapped(line) for line in _rung_notes(diagnosis)),
        "",
        render_text(_layer_columns(diagnosis.layers[:SHOWN]), _WIDTH).rstrip(),
        *(_wrapped(line) for line in _layer_notes(diagnosis)),
    ]
    for finding in diagnosis.findings:
        parts += ["", _wrapped(f"{finding.severity}: {plain(finding.message)} [{finding.id}]"), _wrapped(f"  What helps: {finding.fix}")]
    return "\n".join(parts)


def html_fragment(diagnosis: Diagnosis) -> str:
    """The same for a notebook."""
    remedy = f"<br>What helps: {html.escape(diagnosis.culprit.remedy)}" if diagnosis.culprit else ""
    title = f"{plain(diagnosis.model)}, {plain(diagnosis.int8_file)}, on the validation split of {plain(diagnosis.dataset)}"
    findings = "".join(
        f"<li><strong>{finding.severity}</strong> <code>{html.escape(finding.id)}</code>: {html.escape(plain(finding.message))}"
        f"<br>What helps: {html.escape(finding.fix)}</li>"
        for finding in diagnosis.findings
    )
    return "".join(
        (
            f"<p><strong>Culprit:</strong> {html.escape(plain(diagnosis.verdict))}{remedy}</p><p>{html.escape(title)}</p>",
            _table(_rung_columns(diagnosis), _rung_notes(diagnosis), _remarks(diagnosis)),
            _table(_layer_columns(diagnosis.layers[:SHOWN]), _layer_notes(diagnosis)),
            f"<ul>{findings}</ul>" if findings else "",
        )
    )


def layer_info(diagnosis: Diagnosis) -> dict[str, Any]:
    """What the figure shows: for each op in running order, signal to noise in decibels: of its own error at the outputs, of its own error
    in its result, and of all errors up to it in its result."""
    along = sorted((layer for layer in diagnosis.layers), key=lambda layer: layer.op)
    return {
        "unit": "dB",
        "basis": "measured",
        "n": along[0].n,
        "culprit": diagnosis.culprit.label if diagnosis.culprit else None,
        "layers": [
            {
                "label": layer.label,
                "name": layer.name,
                "at_outputs": layer.output_sqnr_db,
                "own": layer.sqnr_db,
                "accumulated": layer.accumulated_sqnr_db,
            }
            for layer in along
        ],
    }


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent="  ")


def _table(columns: tuple[Column, ...], below: Iterable[str], remarks: Iterable[tuple[str, str]] = ()) -> str:
    small = "<br>".join(html.escape(line) for line in below)
    items = "".join(f"<li><strong>{html.escape(name)}</strong>: {html.escape(remark)}</li>" for name, remark in remarks)
    listed = f"<p>{_REMARKS}</p><ul>{items}</ul>" if items else ""
    return f'<div style="overflow-x:auto">{render_html(columns)}</div>{listed}<p><small>{small}</small></p>'


def _rung_columns(diagnosis: Diagnosis) -> tuple[Column, ...]:
    rungs = diagnosis.rungs
    return (
        Column(title=("rung",), cells=tuple(rung.name for rung in rungs), align="left"),
        *([Column(title=("MAE",), cells=tuple(map(_mae, rungs)))] if _regression(diagnosis) else []),
        Column(title=("R2" if _regression(diagnosis) else "right",), cells=tuple(_right(rung) for rung in rungs)),
        Column(title=("against the rung before",), cells=tuple(_delta(rung) for rung in rungs)),
        Column(title=("p",), cells=tuple(f"{change.p_value:.2g}" if (change := _change(rung)) else "" for rung in rungs)),
    )


def _regression(diagnosis: Diagnosis) -> bool:
    return any(rung.errors is not None for rung in diagnosis.rungs)


def _change(rung: Rung) -> AccuracyDelta | ErrorDelta | None:
    return rung.delta or rung.error_delta


def _mae(rung: Rung) -> str:
    return "" if rung.errors is None else quantities(rung.errors.mae, *rung.errors.mae_ci95)


def _right(rung: Rung) -> str:
    if rung.errors is not None:
        return f"{rung.errors.r2:.3f} [{rung.errors.r2_ci95[0]:.3f}, {rung.errors.r2_ci95[1]:.3f}]"
    if rung.accuracy is None:
        return "" if rung.skipped is None else "not run"
    low, high = rung.accuracy.ci95
    return f"{100 * rung.accuracy.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _delta(rung: Rung) -> str:
    change = _change(rung)
    return "" if change is None else f"{points(change.points)} [{points(change.ci95[0])}, {points(change.ci95[1])}] points"


def _remarks(diagnosis: Diagnosis) -> tuple[tuple[str, str], ...]:
    """Rungs of which there is something to say, in sentences: too long for a column, which would go into a table of its own."""
    said = [(plain(rung.name), f"not run: {plain(rung.skipped)}") for rung in diagnosis.rungs if rung.skipped is not None]
    fallen = [rung for rung in diagnosis.rungs if rung.skipped is None and rung.name == diagnosis.first_fall]
    return (*((plain(rung.name), "R2 falls here" if rung.errors is not None else "accuracy falls here") for rung in fallen), *said)


def _rung_notes(diagnosis: Diagnosis) -> tuple[str, ...]:
    if _regression(diagnosis):
        test = next((rung.error_delta.test for rung in diagnosis.rungs if rung.error_delta is not None), "none")
        return (
            _RUNG,
            f"n = {diagnosis.n}, measured; MAE in the unit of y; 95 % bootstrap intervals, differences paired, in points of R2 (100 points "
            f"are 1); p: {test}",
        )
    return (
        _RUNG,
        f"n = {diagnosis.n}, measured; 95 % Wilson intervals, paired differences with Tango's interval and McNemar's exact p; "
        f"a fall below {diagnosis.smallest_fall_points:.1f} points cannot be told from chance with these examples",
    )


def _layer_columns(layers: Iterable[Layer]) -> tuple[Column, ...]:
    rows = tuple(layers)
    classes = any(row.flips is not None for row in rows)

    def column(title: tuple[str, ...], cells: Iterable[str], left: bool = False) -> Column:
        return Column(title=title, cells=tuple(cells), align="left" if left else "right")

    return (
        column(("op",), (row.label for row in rows), left=True),
        column(("at outputs", "dB"), ("" if row.output_sqnr_db is None else f"{row.output_sqnr_db:.1f}" for row in rows)),
        *([column(("answers", "changed"), ("" if row.flips is None else f"{100 * row.flips:.1f} %" for row in rows))] if classes else []),
        column(("own", "dB"), (f"{row.sqnr_db:.1f}" for row in rows)),
        column(("up to it", "dB"), (f"{row.accumulated_sqnr_db:.1f}" for row in rows)),
        column(("own", "MSE"), (f"{row.mse:.2g}" for row in rows)),
        column(("cosine",), (f"{row.cosine:.5f}" for row in rows)),
        column(("beyond", "range"), (f"{100 * row.saturated:.2g} %" for row in rows)),
        column(("range",), (f"{row.activations.low:.3g}..{row.activations.high:.3g}" for row in rows)),
        column(("float net gives",), (f"{row.activations.true_low:.3g}..{row.activations.true_high:.3g}" for row in rows)),
        column(("cause",), (row.cause for row in rows), left=True),
    )


def _layer_notes(diagnosis: Diagnosis) -> tuple[str, ...]:
    left = len(diagnosis.layers) - SHOWN
    unmatched = len(diagnosis.unmatched_ops)
    return (
        f"n = {diagnosis.layers[0].n} validation examples, measured; ranked by what an op's own error alone leaves at the outputs "
        "(signal to noise, less is worse); own: the same inputs, this op in int8 against this op in float"
        + (f"; {left} more ops cost less" if left > 0 else "")
        + (f"; {unmatched} ops have no counterpart in the float file and were not looked at" if unmatched else ""),
    )
