"""Figures of every basis in one table: the word, the figure, how many it rests on, where it comes from, and what it is good for."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

from edgewb.compilers.inspections import Inspection
from edgewb.errors import InputError
from edgewb.estimates.estimations import Estimate
from edgewb.estimates.reports import ms
from edgewb.latencies import Measurement
from edgewb.lessons.published_nets import PublishedNet
from edgewb.records.formats import three_digits
from edgewb.types import Basis, Jsonable
from edgewb.watermarks import watermark

USES: Final = {
    Basis.MEASURED: "this device, this computer, this hour; compare with what was measured in turns with it",
    Basis.COMPILED: "this file: the compiler itself wrote it",
    Basis.PREDICTED: "before there is a compiler at hand: by rules, which can be wrong for something new",
    Basis.ESTIMATED: "to choose what to try or to buy: by a formula, with an interval",
    Basis.REPLAYED: "to show or study a device that is not here: nothing new is measured",
    Basis.SIMULATED: "to try a program out before the device comes: only the pace is the device's, and that is estimated",
    Basis.PUBLISHED: "as a witness: who measured what under which conditions has to be looked up",
}
"""What a figure of each basis may be used for."""
HEAD: Final = ("basis", "what", "figure", "n", "from where", "good for")


@dataclass(frozen=True, kw_only=True)
class BasisRow(Jsonable):
    """A figure with its unit and what is known of it; ``n`` is "" where nothing was counted."""

    basis: Basis
    what: str
    figure: str
    n: str
    origin: str
    good_for: str


@dataclass(frozen=True, kw_only=True, repr=False)
class BasisTable(Jsonable):
    """Rows in the order they were given; shows itself in a notebook."""

    rows: tuple[BasisRow, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{row.basis}: {row.what}: {row.figure}{f', n = {row.n}' if row.n else ''} ({row.origin})" for row in self.rows)

    def _repr_html_(self) -> str:
        left = ' style="text-align:left;vertical-align:top;padding:.25em .7em"'
        widths = zip(HEAD, (10, 17, 16, 8, 24, 25), strict=True)
        head = "".join(f'<th{left[:-1]};width:{width}%">{title}</th>' for title, width in widths)
        body = "".join(
            f"<tr><th{left}>{row.basis}</th>"
            + "".join(f"<td{left}>{html.escape(text)}</td>" for text in (row.what, row.figure, row.n, row.origin, row.good_for))
            + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def show_bases(*results: Measurement | Estimate | Inspection | PublishedNet) -> BasisTable:
    """A table of results of any basis.

    Args:
        results: what ``measure``, ``estimate`` and ``inspect`` gave, and nets of ``lessons.published_nets``.

    Raises:
        InputError: something else.
    """
    return BasisTable(rows=tuple(_row(result) for result in results))


def _row(result: object) -> BasisRow:
    if isinstance(result, Measurement):
        name = f"{result.file} on {result.target}"
        origin = watermark(result.basis, result.facts) or f"{result.environment.cpu}, {result.kernels} kernels, {result.threads} thread(s)"
        figure = f"p50 {three_digits(result.latency_ms.p50)} ms"
        return _of(result.basis, name, figure, f"{len(result.samples_ms):,} calls", origin)
    if isinstance(result, Estimate):
        origin = f"{result.host}, {result.bus}, {result.clock} clock; a formula fitted to published figures"
        return _of(result.basis, result.file.replace("\\", "/").rpartition("/")[2], _estimated(result), "", origin)
    if isinstance(result, Inspection):
        figure = f"{result.ops_edgetpu} of {result.ops_total} ops on the Edge TPU"
        origin = f"edgewb's rules for compiler {result.compiler}" if result.basis is Basis.PREDICTED else "the file"
        return _of(result.basis, result.file.replace("\\", "/").rpartition("/")[2], figure, "", origin)
    if isinstance(result, PublishedNet):
        first = result.latencies[0]
        origin = f"{first.source}; {first.host}, {first.bus}"
        return _of(Basis.PUBLISHED, result.name, f"{three_digits(first.ms)} ms", "not stated", origin)
    raise InputError(f"a {type(result).__name__}: give what measure, estimate, inspect or published_net gave")


def _estimated(result: Estimate) -> str:
    span = result.latency_ms
    return f"none: {result.refused}" if span is None else f"{ms(span.mid)} ms [{ms(span.low)}, {ms(span.high)}], 80 % interval"


def _of(basis: Basis | str, what: str, figure: str, n: str, origin: str) -> BasisRow:
    known = Basis(basis)
    return BasisRow(basis=known, what=what, figure=figure, n=n, origin=origin, good_for=USES[known])
